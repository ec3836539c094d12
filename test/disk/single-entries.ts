import { nameIn } from "../../src/disk/name-list.ts";
import { join, toBytes } from "../../src/disk/names.ts";
import { describe } from "../../src/disk/scan.ts";
import type { Failed, Fd, NameRun, Stat, Sys, WrittenEntries } from "../../src/disk/sys.ts";
import { PATH_BYTES_MAX } from "../../src/wire/constants.ts";
import { ENTRY_FIXED_BYTES, writeEntry } from "../../src/wire/entry.ts";
import { commonPrefix } from "../../src/wire/path.ts";

/** `Sys.entries` by single looks. */
export function entriesOf(sys: Sys, dir: Fd, { names, from, to, pathBytes, room }: NameRun): WrittenEntries {
  const directory = "d".repeat(pathBytes);
  const view = new DataView(new ArrayBuffer(room));
  let end = 0;
  let count = 0;
  let stopped: Stat | Failed | undefined;
  for (let index = from + 1; index < to && stopped === undefined; index++, count++) {
    const [last = "", name = ""] = [nameIn(names, index - 1), nameIn(names, index)];
    const path = join(directory, name);
    if (last >= name || path.length > PATH_BYTES_MAX) break;
    const shared = commonPrefix(toBytes(join(directory, last)), toBytes(path));
    if (room - end < ENTRY_FIXED_BYTES + path.length - shared) break;
    const [stat] = sys.statMany(dir, [name]);
    const seen = stat === undefined ? undefined : describe(path, { stat, target: undefined }, undefined);
    const plain =
      seen?.kind === "entry" && (seen.entry.type === "file" || seen.entry.type === "fifo") ? seen : undefined;
    if (plain === undefined) stopped = stat;
    if (plain === undefined) break;
    end = writeEntry(view, { at: end, shared, entry: plain.entry });
  }
  return { count, bytes: new Uint8Array(view.buffer, 0, end), stopped };
}
