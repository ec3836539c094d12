/** The manual pages, and all that has to say the same as the programs: options, variables, limits, what the executable contains. */
import { beforeAll, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { receiveBufferWanted, sendBufferWanted } from "../../src/io/network-setup.ts";
import { must, run } from "../lab/run.ts";
import { describedOptions, manualSource } from "./manual.ts";
import { buildExecutable, ROOT } from "./package.ts";

const PAGES = [
  { page: "makuosan.8", program: "makuosan" },
  { page: "msync.1", program: "msync" },
] as const;
const read = (path: string) => readFileSync(join(ROOT, path), "utf8");

beforeAll(buildExecutable, 60_000);

/** Options that `--help` lists, and what it says of each. */
async function helpOf(program: string): Promise<Map<string, string>> {
  const help = await must([join(ROOT, "dist", program), "--help"]);
  const rows = help.split(/\n(?= {2,6}-)/).slice(1);
  return new Map(
    rows.flatMap((row) => {
      const [head = ""] = row.trimStart().split(/ {2,}/);
      return [...head.matchAll(/(?<=^|, |,)--?[A-Za-z][a-z-]*/g)].map(([option]) => [option, row] as const);
    }),
  );
}

for (const { page, program } of PAGES) {
  describe(page, () => {
    test("is rendered without warnings", async () => {
      const file = join(ROOT, "share/man", page);
      for (const command of [
        ["man", "--warnings", "-l", "-Tutf8", file],
        ["groff", "-mandoc", "-ww", "-z", "-Tutf8", file],
        ["mandoc", "-Tlint", "-W", "warning", file],
      ]) {
        const { status, stdout, stderr } = await run(command, {
          env: { MANPAGER: "cat", LC_ALL: "C.UTF-8" },
        });
        expect({ command, status, stderr }).toEqual({ command, status: 0, stderr: "" });
        if (command[0] === "man") expect(stdout).toContain(program);
        else expect(stdout).toBe("");
      }
    });

    test("describes every option of --help, and no other", async () => {
      const help = await helpOf(program);
      expect(help.size).toBeGreaterThan(30);
      expect([...describedOptions(page)].sort()).toEqual([...help.keys()].sort());
    });

    test("the completions know the same options", async () => {
      const options = [...(await helpOf(program)).keys()];
      const bash = read(`share/completions/${program}.bash`);
      const words = new Set(bash.slice(bash.lastIndexOf('compgen -W "\n')).split(/[\s"]+/));
      expect(options.filter((option) => !words.has(option))).toEqual([]);
      const zsh = read(`share/completions/_${program}`);
      const table = zsh.slice(zsh.indexOf("_arguments -s -S : ")).replace(/\[[^\]]*\]|:.*$/gm, "");
      const named = new Set(table.match(/(?<=['*{,( ])--?[A-Za-z][a-z-]*/g));
      for (const own of ["-s", "-S"]) if (!options.includes(own)) named.delete(own);
      expect([...named].sort()).toEqual([...options].sort());
      const rows = read(`share/completions/${program}.fish`).match(/^complete .*$/gm) ?? [];
      const fish = [...rows.join("\n").matchAll(/ -s (\S)| -l (\S+)/g)];
      const known = fish.map(([, short, long]) => (short === undefined ? `--${long}` : `-${short}`));
      expect(known.sort()).toEqual([...options].sort());
    });
  });
}

describe("the manual", () => {
  test("names every variable that the programs read", () => {
    const source = ["src/cli/daemon-options.ts", "src/cli/msync-options.ts"].map(read).join("\n");
    const variables = new Set(source.match(/\b(MAKUOSAN|MSYNC)_(?!OPTIONS\b)[A-Z]+\b/g));
    const described = PAGES.flatMap(({ page }) => manualSource(page).match(/^\.It Ev .*$/gm) ?? []).join(
      "\n",
    );
    expect(variables.size).toBe(9);
    expect([...variables].filter((name) => !described.includes(name))).toEqual([]);
  });

  test("describes every command of the console", async () => {
    const { CONSOLE_HELP } = await import("../../src/cli/console-help.ts");
    // Notes follow the last command.
    const rows = CONSOLE_HELP.slice(0, CONSOLE_HELP.findIndex((line) => line.startsWith("quit ")) + 1);
    const words = rows.flatMap((line) => line.match(/^[a-z]+/) ?? []);
    const named = new Set(
      [...manualSource("makuosan.8").matchAll(/^\.(?:It )?Ic (\w+)/gm)].map((match) => match[1] ?? ""),
    );
    expect(words.filter((word) => !named.has(word))).toEqual([]);
    expect(words).toContain("dsync");
  });
});

test("the manual names every request and event of the console's schema", () => {
  const schema = read("share/console.schema.json");
  const kinds = [...schema.matchAll(/"(?:request|event)": \{\s*"const": "(\w+)"/g)].map(
    (match) => match[1] ?? "",
  );
  expect(kinds).toContain("push");
  expect(kinds).toContain("outcome");
  const quoted: readonly string[] = manualSource("makuosan.8").match(/^\.Ql \w+/gm) ?? [];
  expect([...new Set(kinds)].filter((kind) => !quoted.includes(`.Ql ${kind}`))).toEqual([]);
});

describe("what else goes with the programs", () => {
  test("the limits for socket buffers are those that the daemon asks for", () => {
    const limits = [...read("share/50-makuosan.conf").matchAll(/^-net\.core\.(\w+) = (\d+)$/gm)];
    expect(limits.map(([, name, bytes]) => [name, Number(bytes)])).toEqual([
      ["rmem_max", receiveBufferWanted],
      ["wmem_max", sendBufferWanted],
    ]);
    const raised = [...read("share/deb/postinst").matchAll(/^ +raise (\w+) (\d+)$/gm)];
    expect(raised.map(([, name, bytes]) => [name, bytes])).toEqual(
      limits.map(([, name, bytes]) => [name, bytes]),
    );
    for (const bytes of [receiveBufferWanted, sendBufferWanted])
      expect(manualSource("makuosan.8")).toContain(String(bytes));
  });

  test("the copyright file names every package that the executable contains", async () => {
    const names = await bundledPackages();
    expect(names).toContain("commander");
    expect(names).toContain("zstd-napi");
    const paragraphs = read("share/copyright").matchAll(/^Files: (.*(?:\n .*)*)/gm);
    const named = [...paragraphs].flatMap((match) => (match[1] ?? "").split(/\s+/));
    expect(names.filter((name) => !named.includes(name))).toEqual([]);
  });
});

/** The npm packages of which the bundler takes files. */
async function bundledPackages(): Promise<string[]> {
  const workers = readdirSync(join(ROOT, "src/io")).filter((name) => name.endsWith("-worker.ts"));
  const { metafile } = await Bun.build({
    entrypoints: ["src/main.ts", ...workers.map((name) => `src/io/${name}`)].map((path) => join(ROOT, path)),
    target: "bun",
    external: ["*.so", "*.node"],
    metafile: true,
  });
  const inputs = Object.keys(metafile?.inputs ?? {});
  return [...new Set(inputs.flatMap((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1] ?? []))];
}
