/** A tree of everything that has ever broken a tool that copies trees. */

import { randomBytes } from "node:crypto";
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "./judge.ts";
import { run } from "./run.ts";

/** Payload of one data packet at MTU 1,500, and the most bytes that a block of 224 such carries (PROTOCOL §2, §5.4). */
const SYMBOL_BYTES = 1_500 - 28 - 32;
const BLOCK_BYTES = 224 * SYMBOL_BYTES - 16;

type Stamp = { readonly path: Buffer; readonly seconds: string };

/** Fills the empty directory `root` (as root: owners are set). Besides it, /usr/include can be put into the same tree. */
export async function makeCruelTree(root: string): Promise<void> {
  const base = Buffer.from(root);
  const stamps: Stamp[] = [];
  makeNames(section(base, "names"));
  makeLinks(section(base, "links"));
  makeModes(section(base, "modes"));
  makeOwners(section(base, "owners"));
  makeSizes(section(base, "sizes"));
  makeEmpty(section(base, "empty"));
  makeTimes(section(base, "times"), stamps);
  await run(["mkfifo", "-m", "0640", `${root}/fifo`]);
  writeLarge(join(base, Buffer.from("large")));
  // The directory last: what was made in it has changed its time.
  stamps.push({ path: join(base, Buffer.from("times")), seconds: "86399.000000001" });
  await stamp(stamps);
}

function section(base: Buffer, name: string): Buffer {
  const path = join(base, Buffer.from(name));
  mkdirSync(path);
  return path;
}

function file(directory: Buffer, name: string | Uint8Array, content: string | Uint8Array): Buffer {
  const path = join(directory, typeof name === "string" ? Buffer.from(name) : name);
  writeFileSync(path, content);
  return path;
}

function makeNames(directory: Buffer): void {
  const names = [
    "with blanks  in it ",
    " leading",
    "-rf",
    "*",
    "new\nline",
    "tab\there",
    "back\\slash",
    `quo'te"s`,
    "bell\x07escape\x1b[31m",
    "Übergröße-日本語-🗻",
    "e\u0301 decomposed",
    "é composed",
    ".hidden",
    "..twodots",
    "...",
    "~",
    "a:b",
    "b".repeat(255),
  ];
  for (const name of names) file(directory, name, `content of ${name}`);
  for (const bytes of [[0xff], [0xc3, 0x28], [0xed, 0xa0, 0x80], [0x80, 0x0a, 0xfe, 0x20]]) {
    file(directory, Uint8Array.from(bytes), "a name that is not UTF-8");
  }
  const odd = join(directory, Uint8Array.from([0x64, 0xe9, 0x72]));
  mkdirSync(odd);
  file(odd, Uint8Array.from([0xe9]), "below one that is not UTF-8");
  let deep = join(directory, Buffer.from("deep"));
  mkdirSync(deep);
  for (let depth = 1; depth < 40; depth++) {
    deep = join(deep, Buffer.from(`level-${String(depth).padStart(2, "0")}-${"x".repeat(30)}`));
    mkdirSync(deep);
  }
  file(deep, "bottom", "forty levels down");
}

function makeLinks(directory: Buffer): void {
  file(directory, "target", "what links point to");
  const links: [string, string | Uint8Array][] = [
    ["relative", "target"],
    ["absolute", "/usr/include"],
    ["dangling", "nowhere/at/all"],
    ["up", "../names"],
    ["outside", "../../../../../../etc/passwd"],
    ["itself", "itself"],
    ["long", "t".repeat(4_000)],
    ["bytes", Uint8Array.from([0xff, 0x0a, 0xfe])],
  ];
  for (const [name, target] of links) symlinkSync(Buffer.from(target), join(directory, Buffer.from(name)));
}

function makeModes(directory: Buffer): void {
  for (const mode of [0o0000, 0o0600, 0o0444, 0o4755, 0o2775, 0o1777, 0o7777]) {
    const name = mode.toString(8).padStart(4, "0");
    chmodSync(file(directory, `file-${name}`, name), mode);
    const below = join(directory, Buffer.from(`directory-${name}`));
    mkdirSync(below);
    file(below, "inside", name);
    chmodSync(below, mode);
  }
}

function makeOwners(directory: Buffer): void {
  for (const [uid, gid] of [
    [0, 1],
    [33, 33],
    [1_000, 100],
    [65_534, 65_534],
    [70_000, 4_000_000_000],
  ] as const) {
    const path = file(directory, `file-${uid}-${gid}`, "owned");
    lchownSync(path, uid, gid);
    chmodSync(path, 0o6711);
    const link = join(directory, Buffer.from(`link-${uid}-${gid}`));
    symlinkSync(Buffer.from("owned"), link);
    lchownSync(link, uid, gid);
    const below = join(directory, Buffer.from(`directory-${uid}-${gid}`));
    mkdirSync(below);
    lchownSync(below, uid, gid);
  }
}

function makeSizes(directory: Buffer): void {
  const sizes = new Set([0, 1, 4_096]);
  for (const unit of [SYMBOL_BYTES, BLOCK_BYTES, 2 * BLOCK_BYTES]) {
    for (const size of [unit - 1, unit, unit + 1]) sizes.add(size);
  }
  for (const size of sizes) file(directory, `size-${size}`, randomBytes(size));
}

function makeEmpty(directory: Buffer): void {
  file(directory, "file", "");
  mkdirSync(join(directory, Buffer.from("directory")));
  mkdirSync(join(directory, Buffer.from("directory/in directory")));
}

function makeTimes(directory: Buffer, stamps: Stamp[]): void {
  const times = [
    "1.000000001",
    "1700000000.999999999",
    "0",
    "-1",
    "-2208988800.5",
    "-0.25",
    "2147483648.123456789",
    "4102444800",
  ];
  for (const seconds of times) {
    stamps.push({ path: file(directory, `file${seconds}`, seconds), seconds });
    const link = join(directory, Buffer.from(`link${seconds}`));
    symlinkSync(Buffer.from("nothing"), link);
    stamps.push({ path: link, seconds });
    const below = join(directory, Buffer.from(`directory${seconds}`));
    mkdirSync(below);
    stamps.push({ path: file(below, "inside", seconds), seconds });
    stamps.push({ path: below, seconds });
  }
}

/** 300 MB, nearly all of it zeros, with a little data at the start, in the middle and near the end. */
function writeLarge(path: Buffer): void {
  const descriptor = openSync(path, "w");
  ftruncateSync(descriptor, 300_000_000);
  for (const position of [0, 123_456_789, 299_990_000])
    writeSync(descriptor, randomBytes(5_000), 0, 5_000, position);
  closeSync(descriptor);
}

/** Sets times with all nine digits, which JavaScript's own numbers do not hold. */
async function stamp(stamps: readonly Stamp[]): Promise<void> {
  const words = stamps.flatMap(({ path, seconds }) => [Buffer.from(seconds), path]);
  const input = Buffer.concat(words.flatMap((word) => [word, Buffer.from([0])]));
  const script = 'touch --no-dereference --date="@$0" -- "$1"';
  const process = Bun.spawn(["xargs", "-0", "-n", "2", "sh", "-c", script], { stdin: input, stderr: "pipe" });
  if ((await process.exited) !== 0) throw new Error(`touch: ${await process.stderr.text()}`);
}
