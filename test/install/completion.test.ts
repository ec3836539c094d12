/** Completions in real shells, found where make install puts them; hosts and paths come from live daemons. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { Cluster, type TestDaemon } from "../io/daemon-fixture.ts";
import { must, until } from "../lab/run.ts";
import { buildExecutable, makeInstall } from "./package.ts";
import { Shell } from "./shells.ts";

const cluster = new Cluster();
const prefix = `${cluster.folder}/prefix`;
const elsewhere = `${cluster.folder}/elsewhere`;
let here: TestDaemon;
let env: Record<string, string>;

beforeAll(async () => {
  await buildExecutable();
  await makeInstall(`PREFIX=${prefix}`);
  const folders = ["here", "alpha", "beta", "elsewhere", "home"].map((name) => `${cluster.folder}/${name}`);
  for (const folder of folders) mkdirSync(folder);
  mkdirSync(`${cluster.folder}/here/press release`);
  writeFileSync(`${cluster.folder}/here/press release/2026.html`, "");
  writeFileSync(`${cluster.folder}/here/index.html`, "");
  const daemon = (name: string, base: string) =>
    cluster.startCommand([`${prefix}/sbin/makuosan`, "-n"], name, `${cluster.folder}/${base}`);
  [here] = await Promise.all([
    daemon("here-host", "here"),
    daemon("alpha-host", "alpha"),
    daemon("beta-host", "beta"),
  ]);
  env = {
    HOME: `${cluster.folder}/home`,
    PATH: `${prefix}/bin:${prefix}/sbin:/usr/sbin:/usr/bin:/sbin:/bin`,
    XDG_DATA_DIRS: `${prefix}/share:/usr/local/share:/usr/share`,
    MSYNC_TARGET: `tcp:${here.listen}:5000`,
  };
  await until("the hosts", async () => {
    const hosts = await must([`${prefix}/bin/msync`, "--complete-hosts"], { env });
    return hosts.split("\n").sort().join(" ") === " alpha-host beta-host" ? true : undefined;
  });
}, 60_000);

afterAll(() => cluster.close());

/** Starts of lines, and what has to be shown after the tabulator, each time something else; names with blanks as the shell writes them. */
const CASES: readonly { readonly line: string; readonly shows: string }[] = [
  { line: "msync -t al", shows: "alpha-host" },
  { line: "msync -rnt be", shows: "beta-host" },
  { line: "msync --to al", shows: "alpha-host" },
  { line: "msync --to=be", shows: "beta-host" },
  { line: "msync -t alpha-host,be", shows: "alpha-host,beta-host" },
  { line: "msync ind", shows: "index.html" },
  { line: "msync -r pre", shows: "press\\ release/" },
  { line: "msync press\\ release/2", shows: "press\\ release/2026.html" },
  { line: "msync --max-d", shows: "--max-delete" },
  { line: "makuosan --own", shows: "--owner-match" },
  { line: "makuosan -b /usr/shar", shows: "/usr/share/" },
  { line: "makuosan -u www-d", shows: "www-data" },
  { line: "makuosan -g www-d", shows: "www-data" },
];

/** The daemon is another one than that of the environment when the line says so. */
const named = () => ({ line: `msync -c tcp:${here.listen}:5000 -t al`, shows: "alpha-host" });

describe("at a terminal", () => {
  for (const { shell, command, setup } of [
    {
      shell: "bash",
      command: ["bash", "--norc", "--noprofile", "-i"],
      setup: "bind 'set enable-bracketed-paste off'; source /usr/share/bash-completion/bash_completion",
    },
    {
      shell: "zsh",
      command: ["zsh", "-f", "-i"],
      setup: `fpath=(${prefix}/share/zsh/site-functions $fpath); autoload -U compinit; compinit -u -D`,
    },
  ]) {
    test(`${shell} completes hosts, paths and options`, async () => {
      const opened = await Shell.start(command, { env, cwd: elsewhere, setup });
      try {
        for (const { line, shows } of CASES) await opened.completes(line, shows);
        // This console is nobody's: what is offered comes from the one that the line names.
        opened.type("export MSYNC_TARGET=tcp:127.0.0.1:1\n");
        await opened.completes(named().line, named().shows);
      } finally {
        await opened.end();
      }
    }, 60_000);
  }
});

describe("fish", () => {
  const complete = async (line: string, environment = env) => {
    const script = ["fish", "-c", "complete -C $argv[1]", line];
    return (await must(script, { env: environment })).split("\n").map((row) => row.split("\t")[0] ?? "");
  };

  test("completes hosts, paths and options", async () => {
    for (const { line, shows } of CASES) {
      const offered = await complete(line);
      // It offers names as they are, and the word with its option.
      const plain = shows.replaceAll("\\ ", " ");
      expect({ line, offered: offered.some((word) => word.endsWith(plain)) }).toEqual({
        line,
        offered: true,
      });
    }
    const { line, shows } = named();
    expect(await complete(line, { ...env, MSYNC_TARGET: "tcp:127.0.0.1:1" })).toContain(shows);
  }, 60_000);
});

test("without a daemon nothing is offered, and nothing is said", async () => {
  const nobody = { ...env, MSYNC_TARGET: "tcp:127.0.0.1:1" };
  const opened = await Shell.start(["bash", "--norc", "--noprofile", "-i"], {
    env: nobody,
    cwd: elsewhere,
    setup: `bind 'set enable-bracketed-paste off'; source ${prefix}/share/bash-completion/completions/msync`,
  });
  try {
    await opened.completes("msync -t \t\tx --max-d", "--max-delete");
    expect(opened.text).not.toMatch(/error|no makuosan|index/);
  } finally {
    await opened.end();
  }
}, 30_000);
