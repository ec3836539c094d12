import { Directories } from "./directories.ts";
import { liesIn, movingFault, type Place, removalFault } from "./obstacles.ts";
import type { Spares } from "./rules.ts";
import { Errno, errnoOf, type Fd, failed, type Latin1, type Stat, type Sys } from "./sys.ts";
import { wholeFault } from "./walk.ts";

/** Names below a directory that is to be replaced that are looked at; one with more is not replaced. */
const WALK_MAX = 1 << 20;

/** A name of the own tree whose place something else takes. */
export type Replaced = {
  readonly parent: Fd;
  readonly name: Latin1;
  /** From the base. */
  readonly path: Latin1;
  readonly stat: Stat;
  /** It is a directory that makes room for something else, so that all that is below it has to be removed. */
  readonly whole: boolean;
};

/** What replacing a name would meet; 0: nothing that can be foreseen. ENOTEMPTY: it is, or holds, what must stay. */
export function replacementFault(sys: Sys, place: Place, spares: Spares, what: Replaced): number {
  const { parent, name, path, stat, whole } = what;
  // What another file system is mounted on cannot be renamed away.
  if (!liesIn(place, stat)) return Errno.EBUSY;
  const above = sys.root ? undefined : sys.stat(parent);
  if (failed(above)) return errnoOf(above);
  const removal = removalFault(sys, stat, above);
  if (removal !== 0 || !whole) return removal;
  if (spares(path, stat)) return Errno.ENOTEMPTY;
  const directories = new Directories(sys, parent);
  const moving = movingFault(sys, place, stat, () => directories.get(name));
  directories.release();
  if (moving !== 0) return moving;
  return wholeFault({ sys, place, spares }, what, WALK_MAX);
}
