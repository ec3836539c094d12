/** An original tree, and trees that differ from it in every way: for pushes that also remove. All of it needs root, or its owner. */
import {
  chmodSync,
  lchownSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "./judge.ts";
import { must } from "./run.ts";

/** What the pushes of these trees exclude; rsync and fnmatch mean the same by them. */
export const EXCLUDES = ["*.keep", "private/"] as const;

/** Ways to differ, by number from 0. */
export const VARIANTS = 4;

/** Time of all that is in the original, so that a copy that was changed on purpose is never equal by chance. */
const TIME = 1_600_000_000.25;

/** Whether names may belong to several users: only root can make such a tree. */
export type Owning = { readonly owners: boolean };

/** Names with everything that is allowed, as bytes. */
const ODD_NAMES: readonly Uint8Array[] = [
  ...[
    "new\nline",
    "-rf",
    "*",
    " blanks ",
    "back\\slash",
    "\x1b[31mbell\x07",
    "\u65e5\u672c-\ud83d\uddfb",
    "\u0085",
  ].map((name) => new TextEncoder().encode(name)),
  Uint8Array.from([0xff]),
  Uint8Array.from([0xc3, 0x28, 0x0a]),
  new TextEncoder().encode("n".repeat(255)),
];

/** Fills the empty directory `base` with the tree that all others are to become. */
export async function makeOriginal(base: string, { owners }: Owning): Promise<void> {
  for (const name of ["a", "b", "c"]) put(base, `same/${name}`, `same ${name}\n`);
  put(base, "same/deep/er/bottom", "bottom\n");
  await makeKinds(base, 0);
  for (const [i, name] of ODD_NAMES.entries()) put(base, under("names", name), `odd ${i}`);
  for (const mode of [0o000, 0o555, 0o444, 0o4755, 0o1777]) {
    const below = `modes/${mode.toString(8).padStart(4, "0")}`;
    put(base, `${below}/inside`, "inside");
    chmodSync(`${base}/${below}/inside`, mode & 0o777);
    chmodSync(`${base}/${below}`, mode);
  }
  if (owners) {
    for (const owner of [1, 33, 70_000]) {
      put(base, `owners/${owner}`, "owned");
      lchownSync(`${base}/owners/${owner}`, owner, owner);
    }
  }
  mkdirSync(`${base}/empty/in/side`, { recursive: true });
  put(base, "guarded/plain", "plain");
  put(base, "guarded/mine.keep", "none of the others' business");
  put(base, "guarded/private/secret", "not sent");
  // Three names that one inode has elsewhere: here each has a mode of its own.
  for (const [name, mode] of [
    ["a", 0o644],
    ["b", 0o600],
    ["c", 0o640],
  ] as const) {
    put(base, `linked/${name}`, "one or three");
    chmodSync(`${base}/linked/${name}`, mode);
  }
  await stampAll(base);
}

/** Makes `base`, which is empty, differ from `original` in the ways of a variant. `outside`: a folder that no push may touch. */
export async function makeDiffering(
  base: string,
  original: string,
  { variant, outside, owners }: { readonly variant: number; readonly outside: string } & Owning,
): Promise<void> {
  // The first variant has nothing of the original but names that are something else.
  if (variant > 0)
    await must(["rsync", "-a", "--exclude=*.keep", "--exclude=private/", `${original}/`, `${base}/`]);
  rmSync(`${base}/kinds`, { recursive: true, force: true });
  await makeKinds(base, variant + 1);
  makeGuarded(base);
  await makeExtra(base, { variant, outside });
  if (owners) {
    for (const owner of [0, 33, 4_000_000_000]) lchownSync(put(base, `extra/of ${owner}`, "x"), owner, owner);
  }
  if (variant > 0) makeHardLinks(base, outside);
  if (variant === 1) {
    rmSync(`${base}/same`, { recursive: true });
    put(base, "empty/in/side/no longer", "empty");
    chmodSync(`${base}/names`, 0o700);
  } else if (variant === 2) {
    put(base, "same/b", "something else, and longer");
    renameSync(`${base}/same/deep`, `${base}/same/elsewhere`);
    rmSync(`${base}/empty`, { recursive: true });
    put(base, "empty", "a file where a directory belongs");
    lutimesSync(`${base}/guarded/plain`, 5, 5);
  } else if (variant === 3) {
    rmSync(`${base}/names`, { recursive: true });
    symlinkSync(outside, `${base}/names`);
    chmodSync(`${base}/same/a`, 0o600);
    chmodSync(`${base}/modes/0000`, 0o755);
    if (owners) lchownSync(`${base}/same/c`, 33, 33);
  }
}

/** The names, from the base, that stay in the differing trees because an excluded name is in them, or is they. */
export const SPARED = [
  "old",
  "old/deep",
  "old/deep/x.keep",
  "old/deep/private",
  "old/deep/private/inner",
  "old/deep/private/inner/file",
  "guarded/theirs.keep",
  "guarded/private",
  "guarded/private/other",
] as const;

/** Those of `SPARED` that are not excluded themselves, but on the way to what is. */
export const KEPT_DIRECTORIES: readonly string[] = ["old", "old/deep"];

/** Five names, each of which is another kind of thing in each turn. */
async function makeKinds(base: string, turn: number): Promise<void> {
  mkdirSync(`${base}/kinds`);
  const makers = [
    (path: string) => void put("", path, `turn ${turn}`),
    (path: string) => {
      put("", `${path}/full`, "full");
      put("", `${path}/of/things/below`, "deep");
      symlinkSync("nowhere", `${path}/of/dangling`);
    },
    (path: string) => symlinkSync(`../same/${turn}`, path),
    (path: string) => must(["mkfifo", path]).then(() => undefined),
    (path: string) => mkdirSync(path, { mode: 0o750 }),
  ];
  for (let i = 0; i < makers.length; i++) await makers[(i + turn) % makers.length]?.(`${base}/kinds/${i}`);
}

/** What is excluded, and what is beside it. */
function makeGuarded(base: string): void {
  put(base, "guarded/theirs.keep", "theirs");
  put(base, "guarded/private/other", "theirs, too");
  put(base, "old/deep/x.keep", "keep me");
  put(base, "old/deep/private/inner/file", "and me");
  put(base, "old/deep/goes", "goes");
  put(base, "old/deep/er/goes as well", "goes");
  put(base, "old/goes", "goes");
}

/** Names that the original does not have at all. */
async function makeExtra(
  base: string,
  { variant, outside }: { readonly variant: number; readonly outside: string },
): Promise<void> {
  const deep = Array.from({ length: 20 + variant }, (_, i) => `level-${i}-${"x".repeat(20)}`).join("/");
  put(base, `extra/${deep}/bottom`, "deep down");
  for (let i = 0; i < 40 * (variant + 1); i++) put(base, `extra/many/${i}`, String(i));
  for (const name of ODD_NAMES) put(base, under("extra/odd", name), "odd");
  for (const name of ODD_NAMES) put(base, Buffer.concat([Buffer.from("z"), name.subarray(0, 254)]), "odd");
  mkdirSync(`${base}/extra/empty/in/side`, { recursive: true });
  symlinkSync("nowhere/at/all", `${base}/extra/dangling`);
  symlinkSync(outside, `${base}/extra/outside`);
  symlinkSync(`${outside}/victim`, `${base}/outside-victim`);
  symlinkSync("..", `${base}/extra/up`);
  await must(["mkfifo", `${base}/extra/fifo`]);
  for (const mode of [0o000, 0o555]) {
    put(base, `extra/mode-${mode}/inside/file`, "locked in");
    chmodSync(`${base}/extra/mode-${mode}/inside`, mode === 0 ? 0o700 : mode);
    // What its own user cannot read he cannot remove either.
    chmodSync(`${base}/extra/mode-${mode}`, mode === 0 && process.getuid?.() !== 0 ? 0o700 : mode);
  }
}

/** One inode with names inside, some to stay and some to go, and one outside. */
function makeHardLinks(base: string, outside: string): void {
  for (const name of ["b", "c"]) {
    rmSync(`${base}/linked/${name}`);
    linkSync(`${base}/linked/a`, `${base}/linked/${name}`);
  }
  linkSync(`${base}/linked/a`, `${base}/extra/one more name`);
  linkSync(`${base}/guarded/plain`, `${outside}/also plain`);
  linkSync(`${outside}/victim`, `${base}/extra/victim`);
}

/** Writes a file, and the directories that it needs. Returns its path. */
function put(base: string, path: string | Uint8Array, content: string): Buffer {
  const bytes = typeof path === "string" ? Buffer.from(path) : path;
  const whole = base === "" ? Buffer.from(bytes) : join(Buffer.from(base), bytes);
  mkdirSync(whole.subarray(0, whole.lastIndexOf("/")), { recursive: true });
  writeFileSync(whole, content);
  return whole;
}

function under(directory: string, name: Uint8Array): Buffer {
  return join(Buffer.from(directory), name);
}

async function stampAll(base: string): Promise<void> {
  const at = `@${TIME}`;
  await must(["find", base, "-depth", "-exec", "touch", "--no-dereference", `--date=${at}`, "{}", "+"]);
}
