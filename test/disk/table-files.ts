import { expect } from "bun:test";
import { errnoOf, type Fd, failed, type TableFiles } from "../../src/disk/sys.ts";
import { EntryTable } from "../../src/wire/entry-table.ts";
import { decodeTable, type Entry, encodeSection } from "../../src/wire/manifest.ts";
import { comparePaths } from "../../src/wire/path.ts";
import { tools } from "./support.ts";

/** Files by name, with what is not as usual. */
export type Files = Readonly<Record<string, Partial<Entry>>>;

/** A table of files with these names, of five bytes, from before 1970, and where they are in it and in the arena: each begins a byte behind the one before. */
export function tableFiles(files: Files): TableFiles {
  const entries = Object.entries(files).map(([name, more]): Entry => {
    const own = { type: "file", path: Buffer.from(name), mode: 0o640, uid: 0, gid: 0 } as const;
    return { ...own, seconds: -7n, nanoseconds: 999_999_999, size: 5, ...more };
  });
  const table = tableOf(entries.sort((a, b) => comparePaths(a.path, b.path)));
  const indexes = Uint32Array.from(entries, (_, i) => i);
  return { table, count: entries.length, indexes, offsets: indexes, at: 3 };
}

/** A section of these entries, which are in order. */
export function tableOf(entries: readonly Entry[]): EntryTable {
  const table = new EntryTable();
  expect(typeof decodeTable(encodeSection(0, entries), table)).toBe("object");
  return table;
}

/** Opens a directory. */
export function open(path: string): Fd {
  const fd = tools.sys.openBase(path);
  if (failed(fd)) throw new Error(`${path}: errno ${errnoOf(fd)}`);
  return fd;
}
