/** Compression: what it wins where there is something to win, and costs where there is not. */
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { must } from "../../lab/run.ts";
import { randomFile } from "../../lab/scenario.ts";
import type { BenchLab } from "../bench-lab.ts";
import { type Contender, compare } from "../contender.ts";
import { LINK_MBIT } from "../line.ts";
import { msync } from "../peers/msync.ts";
import type { Scribe } from "../report.ts";
import { labFor, type Scenario, type Settings } from "../scenario.ts";
import { sameLooks, sameTree } from "../trees.ts";

const OPTION = "--no-compress";
/** Where machines have source text; nothing is taken twice. */
const PLACES = ["node_modules", "/usr/include", "/usr/lib", "/usr/share", "/usr/local", "/opt"];
const TEXT = /\.(ts|mts|cts|js|mjs|cjs|jsx|tsx|json|css|md|map|h|hh|hpp|c|cc|cpp|py|pl|pm|sh|vim|html|d)$/;

/** 300 MB over shaped links, with and without. */
export const compression: Scenario = {
  name: "compression",
  title: `Source text and random bytes over links of ${LINK_MBIT} Mbit/s, with compression and without`,
  run: async (settings, scribe) => {
    await using bench = await labFor(settings, { receivers: 4, wire: { rateMbit: LINK_MBIT } });
    const help = await bench.sender.msync(["--help"]);
    const known = help.stdout.includes(OPTION);
    if (!known) scribe.note(`msync has no ${OPTION} yet: nothing to compare with.`);
    const contenders = [
      msync(bench, { name: "with compression" }),
      ...(known ? [msync(bench, { name: "without", args: [OPTION] })] : []),
    ];
    const bytes = (settings.quick ? 30 : 300) * 1e6;
    const text = await sourceText(bench.sender.path(), bytes);
    scribe.note(
      `${text.files} files of source text with ${(text.bytes / 1e6).toFixed(0)} MB: code, headers and documents that are installed here.`,
    );
    const textOf = await measure(bench, {
      settings,
      scribe,
      contenders,
      prefix: "source text",
      bytes: text.bytes,
    });
    const gain = textOf("without") / textOf("with compression");
    if (known) scribe.check("as fast as without, source text", gain, ">=", { target: 2.5, unit: "×" });
    await bench.sender.shell(`find ${bench.sender.base} -mindepth 1 -delete`);
    const mebibytes = settings.quick ? 32 : 128;
    await randomFile(bench.sender, "random", mebibytes);
    const random = { settings, scribe, contenders, prefix: "random bytes", bytes: mebibytes * 2 ** 20 };
    const randomOf = await measure(bench, random);
    const loss = 100 * (randomOf("with compression") / randomOf("without") - 1);
    if (known) scribe.check("slower than without, random bytes", loss, "<=", { target: 2, unit: "%" });
  },
};

type Given = {
  readonly settings: Settings;
  readonly scribe: Scribe;
  readonly contenders: readonly Contender[];
  readonly prefix: string;
  readonly bytes: number;
};

async function measure(bench: BenchLab, given: Given): Promise<(name: string) => number> {
  const { rounds, say } = given.settings;
  const { samples } = await compare(given.contenders, {
    rounds,
    clear: () => bench.clear(),
    check: (round) => (round === 1 ? sameTree(bench) : sameLooks(bench)),
    warmUp: false,
    say,
  });
  return given.scribe.samples(samples, { prefix: `${given.prefix}, `, bytes: given.bytes });
}

/** Copies text that is installed on this machine until there are so many bytes, or no more. No file is taken twice. */
async function sourceText(to: string, bytes: number): Promise<{ files: number; bytes: number }> {
  const listing = await must(
    [
      "sh",
      "-c",
      `find -P "$@" -xdev -type f -size +0 -printf '%s %i %p\\n' 2>/dev/null || true`,
      "sh",
      ...PLACES,
    ],
    { timeoutMs: 60_000 },
  );
  const seen = new Set<string>();
  const made = new Set<string>();
  let copied = 0;
  for (const line of listing.split("\n")) {
    const [size, inode, ...rest] = line.split(" ");
    const path = rest.join(" ");
    if (
      size === undefined ||
      inode === undefined ||
      !TEXT.test(path) ||
      seen.has(inode) ||
      Number(size) > 4e6
    )
      continue;
    if (copied + Number(size) > bytes) break;
    seen.add(inode);
    const copy = `${to}/${path.replace(/^\//, "")}`;
    if (!made.has(dirname(copy))) mkdirSync(dirname(copy), { recursive: true });
    made.add(dirname(copy));
    copyFileSync(path, copy);
    copied += Number(size);
  }
  return { files: seen.size, bytes: copied };
}
