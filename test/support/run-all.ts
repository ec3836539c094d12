/**
 * `make test`: every check of the project, one after the other, and the count of all at the end. `--quick` leaves the slow ones out. A check that
 * has no tests of its own counts as one.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

type Count = { readonly passed: number; readonly failed: number };

const quick = process.argv.includes("--quick");
const scratch = mkdtempSync(join(tmpdir(), "makuosan-test-"));
process.on("exit", () => rmSync(scratch, { recursive: true, force: true }));

const failures: string[] = [];
const counts: Count[] = [
  check("types", ["tsc", "-p", "tsconfig.json"]),
  check("types of the pure parts", ["tsc", "-p", "tsconfig.pure.json"]),
  check("style", ["biome", "check", "--error-on-warnings"]),
  check("the shim under sanitizers", ["make", "-C", "native", "check"]),
  ...testFolders().map(bunTests),
];
const passed = counts.reduce((sum, count) => sum + count.passed, 0);
const failed = counts.reduce((sum, count) => sum + count.failed, 0);
for (const failure of failures) console.log(`failed: ${failure}`);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** One command as one check. */
function check(name: string, argv: readonly string[]): Count {
  const ok = runStep(name, argv);
  if (!ok) failures.push(name);
  return { passed: ok ? 1 : 0, failed: ok ? 0 : 1 };
}

/** Bun's tests below a folder, counted from the report that it writes. */
function bunTests(folder: string): Count {
  const report = join(scratch, `${folder.replaceAll("/", "-")}.xml`);
  const ok = runStep(folder, [
    "bun",
    "test",
    `./${folder}`,
    "--reporter=junit",
    `--reporter-outfile=${report}`,
  ]);
  const count = readReport(report);
  // A run that crashed, or in which not one test was found, has failed even if its report does not say so.
  const failed = count.failed === 0 && (!ok || count.passed === 0) ? 1 : count.failed;
  if (failed > 0) failures.push(folder);
  return { passed: count.passed, failed };
}

function readReport(path: string): Count {
  try {
    const [root = ""] = /<testsuites [^>]*>/.exec(readFileSync(path, "utf8")) ?? [];
    const number = (name: string): number =>
      Number(new RegExp(` ${name}="(\\d+)"`).exec(root)?.[1] ?? Number.NaN);
    // A test that is left out has not passed.
    const failed = number("failures") + number("skipped");
    return { passed: number("tests") - failed, failed };
  } catch {
    return { passed: 0, failed: 1 };
  }
}

/** The folders with tests, the slow ones last. */
function testFolders(): string[] {
  const folders = new Set(
    [...new Bun.Glob("**/*.test.ts").scanSync("test")].map((path) => path.split("/")[0] ?? ""),
  );
  const slow = ["sim", "install", "lab", "compat"];
  const files = [...folders].filter((folder) => folder.endsWith(".test.ts")).map((file) => `test/${file}`);
  const fast = [...folders].filter((folder) => !slow.includes(folder) && !folder.endsWith(".test.ts")).sort();
  const last = slow.filter((folder) => folders.has(folder) && !quick);
  return [...files, ...[...fast, ...last].map((folder) => `test/${folder}`)];
}

function runStep(name: string, argv: readonly string[]): boolean {
  console.log(`== ${name}`);
  const started = performance.now();
  const { exitCode } = Bun.spawnSync([...argv], { stdin: "ignore", stdout: "inherit", stderr: "inherit" });
  console.log(
    `== ${name}: ${exitCode === 0 ? "ok" : "FAILED"}, ${((performance.now() - started) / 1_000).toFixed(1)} s`,
  );
  return exitCode === 0;
}
