import {
  closeSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { run } from "./support.ts";

/** Path below a base, of any bytes. */
export function at(base: string, path: string | Uint8Array): Buffer {
  return Buffer.concat([Buffer.from(`${base}/`), Buffer.from(path as string)]);
}

/** Bytes that do not repeat with any period that a block could have; different for each seed. */
export function noise(bytes: number, seed = 1): Uint8Array {
  const out = new Uint8Array(bytes);
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  for (let i = 0; i < bytes; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    out[i] = state;
  }
  return out;
}

/** A tree with everything that a manifest can say (needs root). `sizes`: bytes of files of its own. */
export function cruelTree(base: string, sizes: readonly number[]): void {
  mkdirSync(base);
  const file = (path: string | Uint8Array, bytes: number, seed = bytes + path.length) =>
    writeFileSync(at(base, path), noise(bytes, seed));
  const invalid = Buffer.from("6e6f742dff2d7574663800".slice(0, -2), "hex");
  for (const directory of ["empty", "deep", "modes", "owners", "times", "sizes", "links"])
    mkdirSync(at(base, directory));
  for (const name of [
    "two words",
    " leading",
    "trailing ",
    "new\nline",
    "tab\there",
    "größe-日本",
    "\\back",
    "*",
    "-n",
  ])
    file(name, 10);
  file(invalid, 11);
  mkdirSync(at(base, Buffer.concat([invalid, Buffer.from("d")])));
  file(Buffer.concat([invalid, Buffer.from("d/\xfe", "latin1")]), 12);
  file("n".repeat(255), 13);
  mkdirSync(at(base, "d".repeat(255)));
  file(`${"d".repeat(255)}/${"f".repeat(255)}`, 14);
  // What sorts between a directory and what is in it, if one looks at whole paths as bytes.
  for (const name of ["order", "order-", "order.d", "order0"]) mkdirSync(at(base, name));
  file("order/x", 15);
  file("order-/x", 16);
  let deep = "deep";
  for (let i = 0; i < 40; i++) {
    deep += `/level${i}`;
    mkdirSync(at(base, deep));
  }
  file(`${deep}/bottom`, 1000);
  links(base);
  for (const mode of ["0000", "0600", "4755", "2775", "1777", "6711"]) {
    file(`modes/file${mode}`, 20);
    mkdirSync(at(base, `modes/dir${mode}`));
    file(`modes/dir${mode}/in`, 21);
    run("chmod", [mode, `${base}/modes/file${mode}`, `${base}/modes/dir${mode}`]);
  }
  for (const [i, owner] of ["0:0", "1:1", "33:33", "65534:65534", "70000:80000"].entries()) {
    file(`owners/${i}`, 30);
    mkdirSync(at(base, `owners/d${i}`));
    symlinkSync("0", at(base, `owners/l${i}`));
    run("chown", ["-h", owner, `${base}/owners/${i}`, `${base}/owners/d${i}`, `${base}/owners/l${i}`]);
  }
  run("chmod", ["4711", `${base}/owners/4`]);
  run("mkfifo", [`${base}/fifo`, `${base}/empty/fifo`]);
  for (const bytes of sizes) file(`sizes/${bytes}`, bytes);
  sparse(`${base}/sizes/sparse`, 300_000);
  times(base);
}

function links(base: string): void {
  symlinkSync("missing", at(base, "links/dangling"));
  symlinkSync("/etc/passwd", at(base, "links/absolute"));
  symlinkSync("../deep", at(base, "links/relative"));
  symlinkSync("..", at(base, "links/up"));
  symlinkSync(Buffer.from("\xff\n\xfe", "latin1"), at(base, "links/bytes"));
  symlinkSync("t".repeat(4095), at(base, "links/long"));
  run("touch", ["-h", "-d", "2001-02-03 04:05:06.123456789", `${base}/links/dangling`]);
}

function sparse(path: string, bytes: number): void {
  const fd = openSync(path, "w");
  writeSync(fd, "x", bytes / 2);
  ftruncateSync(fd, bytes);
  closeSync(fd);
}

function times(base: string): void {
  const when = [
    "1969-12-31 23:59:59.5",
    "1902-01-01",
    "2040-06-01 12:00:00.000000001",
    "2200-01-01",
    "2024-02-29 00:00:00.999999999",
  ];
  for (const [i, time] of when.entries()) {
    writeFileSync(at(base, `times/${i}`), `time ${i}`);
    mkdirSync(at(base, `times/d${i}`));
    run("touch", ["-d", time, `${base}/times/${i}`, `${base}/times/d${i}`]);
  }
  run("touch", [
    "-d",
    "2010-01-01 01:01:01.101010101",
    `${base}/times`,
    `${base}/empty`,
    `${base}/deep/level0`,
  ]);
}
