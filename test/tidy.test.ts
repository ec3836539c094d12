/** The rules of the house, for every file that git knows: who may import whom, what is banned where, how long things may get. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";

const ROOT = join(import.meta.dir, "..");
const LINES_MAX = 350;
const FUNCTION_LINES_MAX = 70;

type Source = { readonly path: string; readonly text: string; readonly lines: readonly string[] };
type Import = { readonly target: string; readonly typeOnly: boolean };

const files = listFiles();
const typescript = files.filter((file) => file.path.endsWith(".ts"));
const program = typescript.filter((file) => file.path.startsWith("src/"));

/** What the folders below src/ may import: the table of src/README.md. Nothing else, not even of the runtime, for the pure ones. */
const FOLDERS: Readonly<Record<string, { readonly folders: readonly string[]; readonly pure: boolean }>> = {
  wire: { folders: [], pure: true },
  engine: { folders: ["wire"], pure: true },
  disk: { folders: ["wire"], pure: false },
  io: { folders: ["wire", "engine", "disk"], pure: false },
  cli: { folders: ["wire", "io"], pure: false },
};
/** The borders' types may be named wherever values of them pass. */
const BORDERS = ["src/engine/ports.ts"];

/** What has no place in code that takes time and randomness as arguments. */
const IMPURE =
  /\b(Date|performance|async|await|Promise|setTimeout|setInterval|setImmediate|queueMicrotask|process|Bun|fetch|crypto|Atomics\.wait)\b|Math\.random/;

describe("imports", () => {
  test("follow the table of src/README.md", () => {
    const wrong = program.flatMap((file) =>
      importsOf(file)
        .filter((found) => !allowed(file.path, found))
        .map((found) => `${file.path} imports ${found.target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("bun:ffi is named in one file", () => {
    const users = typescript.filter((file) => importsOf(file).some(({ target }) => target === "bun:ffi"));
    expect(users.map((file) => file.path)).toEqual(["src/io/ffi.ts"]);
  });

  test("this test sees a forbidden one", () => {
    expect(allowed("src/engine/x.ts", { target: "src/io/y.ts", typeOnly: true })).toBe(false);
    expect(allowed("src/engine/x.ts", { target: "node:fs", typeOnly: false })).toBe(false);
    expect(allowed("src/wire/x.ts", { target: "src/engine/y.ts", typeOnly: true })).toBe(false);
    expect(allowed("src/disk/x.ts", { target: "src/engine/ports.ts", typeOnly: false })).toBe(false);
    expect(allowed("src/io/x.ts", { target: "src/cli/y.ts", typeOnly: false })).toBe(false);
    expect(allowed("src/engine/x.ts", { target: "src/wire/y.ts", typeOnly: false })).toBe(true);
  });
});

describe("source text", () => {
  test("the pure parts know no clock, no randomness and no waiting", () => {
    const pure = program.filter((file) => FOLDERS[folderOf(file.path)]?.pure === true);
    expect(pure.length).toBeGreaterThan(10);
    expect(matches(pure, IMPURE)).toEqual([]);
    expect(IMPURE.test(code("const now = Date.now(); // Date"))).toBe(true);
    expect(IMPURE.test(code("/** Date, await */ const update = `a Date`; // await"))).toBe(false);
  });

  // `skipIf` and `if` may ask for root: the runner of all tests counts whatever is left out as failed.
  test("no test is left out, and no check is silenced", () => {
    const silenced =
      /@ts-(ignore|expect-error|nocheck)|\b(test|it|describe)\.(skip|only|todo|todoIf|failing)\b/;
    const found = typescript.filter((file) => silenced.test(file.text) && file.path !== "test/tidy.test.ts");
    expect(found.map((file) => file.path)).toEqual([]);
    expect(matches(typescript, /(:|<|\bas)\s*any\b/)).toEqual([]);
  });

  test("no line ends with a blank, and every file ends with a line end", () => {
    const wrong = files.flatMap((file) => [
      ...file.lines.flatMap((line, i) => (/[ \t]$/.test(line) ? [`${file.path}:${i + 1}`] : [])),
      ...(file.text.endsWith("\n") && !file.text.endsWith("\n\n") ? [] : [`${file.path}: end`]),
    ]);
    expect(wrong).toEqual([]);
  });

  test("every exported function and class says what it is", () => {
    const wrong = typescript.flatMap((file) =>
      file.lines.flatMap((line, i) =>
        /^export (async )?(function|class) /.test(line) && !documented(file.lines, i)
          ? [`${file.path}:${i + 1}`]
          : [],
      ),
    );
    expect(wrong).toEqual([]);
  });
});

describe("size", () => {
  const sized = files.filter((file) => /\.(ts|c|h|sh)$/.test(file.path));

  test(`no file has more than ${LINES_MAX} lines`, () => {
    const long = sized.filter((file) => file.lines.length > LINES_MAX);
    expect(long.map((file) => `${file.path}: ${file.lines.length}`)).toEqual([]);
  });

  test(`no function has more than ${FUNCTION_LINES_MAX} lines`, () => {
    const long = sized.flatMap((file) =>
      functionsOf(file)
        .filter(({ length }) => length > FUNCTION_LINES_MAX)
        .map(({ line, length }) => `${file.path}:${line}: ${length}`),
    );
    expect(long).toEqual([]);
    const body = Array.from({ length: FUNCTION_LINES_MAX }, () => "  x();");
    for (const [path, head] of [
      ["a.ts", "export function f(): void {"],
      ["a.c", "int f(void) {"],
    ] as const) {
      const lines = [head, ...body, "}"];
      expect(functionsOf({ path, text: "", lines }).map(({ length }) => length)).toEqual([
        FUNCTION_LINES_MAX + 2,
      ]);
    }
  });
});

/** Text files that git knows or would take, but for what tools write. */
function listFiles(): Source[] {
  const { stdout } = Bun.spawnSync(["git", "ls-files", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
  });
  return stdout
    .toString()
    .split("\n")
    .filter((path) => /\.(ts|c|h|sh|md|json)$|(^|\/)Makefile$|^\.ci\/run$/.test(path))
    .filter((path) => !path.endsWith("package-lock.json") && Bun.file(join(ROOT, path)).size > 0)
    .map((path) => {
      const text = readFileSync(join(ROOT, path), "utf8");
      return { path, text, lines: text.replace(/\n$/, "").split("\n") };
    });
}

function importsOf(file: Source): Import[] {
  const pattern =
    /^\s*(?:import|export)\s+(type\s)?[^"';]*?from\s+"([^"]+)"|\bimport\(\s*"([^"]+)"|^import\s+"([^"]+)"/gm;
  return [...file.text.matchAll(pattern)].map((match) => {
    const name = match[2] ?? match[3] ?? match[4] ?? "";
    const target = name.startsWith(".") ? relativeTo(file.path, name) : name;
    return { target, typeOnly: match[1] !== undefined };
  });
}

function relativeTo(path: string, name: string): string {
  return relative(".", normalize(join(dirname(path), name)));
}

function folderOf(path: string): string {
  const [top, folder, name] = path.split("/");
  return top === "src" && folder !== undefined && name !== undefined ? folder : "";
}

function allowed(path: string, found: Import): boolean {
  const rule = FOLDERS[folderOf(path)];
  // The entry points put everything together.
  if (rule === undefined) return true;
  if (!found.target.startsWith("src/") && !found.target.startsWith("build/")) return !rule.pure;
  if (found.typeOnly && BORDERS.includes(found.target) && !rule.pure) return true;
  const folder = folderOf(found.target);
  return (
    folder === folderOf(path) ||
    rule.folders.includes(folder) ||
    (folder === "" && path.startsWith("src/io/"))
  );
}

function matches(sources: readonly Source[], pattern: RegExp): string[] {
  return sources.flatMap((file) =>
    code(file.text)
      .split("\n")
      .flatMap((line, i) => (pattern.test(line) ? [`${file.path}:${i + 1}: ${line.trim()}`] : [])),
  );
}

/** The text with comments and strings blanked out; line numbers stay. Close enough for well-formatted code. */
function code(text: string): string {
  const pattern = /\/\*[\s\S]*?\*\/|\/\/[^\n]*|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`/g;
  return text.replace(pattern, (found) => found.replace(/[^\n]/g, " "));
}

function documented(lines: readonly string[], index: number): boolean {
  let above = index - 1;
  // A linter's hint may stand between.
  while (lines[above]?.startsWith("// biome-ignore")) above -= 1;
  return lines[above]?.trimEnd().endsWith("*/") === true;
}

/** Functions by their heads, and their lines up to the brace that closes at the same indentation: formatted code is that regular. */
function functionsOf(file: Source): { line: number; length: number }[] {
  const head = file.path.endsWith(".ts")
    ? /^( *)(?!.*\b(describe|class|interface|type|if|for|while|switch|else|try|catch)\b.*\{$).*(\)|=>|\)(: .*)?) \{$/
    : /^()[a-z].*\) ?\{$|^()\{$/;
  return file.lines.flatMap((text, i) => {
    const indent = head.exec(text)?.[1] ?? (head.test(text) ? "" : undefined);
    if (indent === undefined) return [];
    const end = file.lines.findIndex((line, j) => j > i && line.startsWith(`${indent}}`));
    return end < 0 ? [] : [{ line: i + 1, length: end - i + 1 }];
  });
}
