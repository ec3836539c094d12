import { chmodSync, lchownSync, lutimesSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import fc from "fast-check";
import { failed } from "../../src/disk/sys.ts";
import { tools } from "./support.ts";

/** Small trees of all kinds, drawn at random. */

/** Something in a tree. */
export type Node = {
  readonly kind: "file" | "directory" | "symlink" | "fifo";
  readonly children: Tree;
  /** Of a file; two files of one size have one content, as equal size and time mean equal. */
  readonly size: number;
  readonly mode: number;
  readonly owner: number;
  readonly time: number;
};

/** What is in a directory, by name. */
export type Tree = Readonly<Record<string, Node>>;

const name = fc.constantFrom("a", "b", "a.b", "ab", "\xff", "c d");

/** Nodes with at most `depth` directories below each other. */
function nodes(depth: number): fc.Arbitrary<Node> {
  return fc.record({
    kind: fc.constantFrom("file", "file", "directory", "directory", "symlink", "fifo"),
    children:
      depth === 0 ? fc.constant({}) : fc.dictionary(name, nodes(depth - 1), { maxKeys: 4, size: "max" }),
    size: fc.constantFrom(0, 1, 700, 2_000, 2_001),
    mode: fc.constantFrom(0o644, 0o000, 0o4755, 0o2770, 0o1777),
    owner: fc.constantFrom(0, 1, 70_000),
    time: fc.constantFrom(-5, 1_000_000_000.5, 4_000_000_000),
  });
}
/** Trees with a few names that collide and sort badly. */
export const randomTree: fc.Arbitrary<Tree> = fc.dictionary(name, nodes(2), { maxKeys: 6, size: "max" });

/** Makes what is in a directory; needs root. */
export function plant(base: string, children: Tree): void {
  for (const [child, { kind, children: below, size, mode, owner, time }] of Object.entries(children)) {
    const path = Buffer.from(`${base}/${child}`, "latin1");
    if (kind === "file") writeFileSync(path, "x".repeat(size));
    if (kind === "symlink") symlinkSync(`to-${size}`, path);
    if (kind === "fifo") plantFifo(base, child);
    if (kind === "directory") {
      mkdirSync(path);
      plant(path.toString("latin1"), below);
    }
    lchownSync(path, owner, owner);
    if (kind !== "symlink") chmodSync(path, mode);
    lutimesSync(path, time, time);
  }
}

/** Node has no call for it. */
function plantFifo(base: string, child: string): void {
  const dir = tools.sys.openBase(base);
  if (failed(dir) || tools.sys.makeFifo(dir, child) !== 0) throw new Error("cannot make a FIFO");
  tools.sys.close(dir);
}
