import type { EntryType } from "../wire/entry.ts";
import { Excludes } from "../wire/excludes.ts";
import { NO_TERMS, type Terms } from "../wire/terms.ts";
import type { Latin1, Stat } from "./sys.ts";

/** Whether a name of the own tree, relative to the base, is none of a push's business: it stays, whatever else goes. */
export type Spares = (path: Latin1, stat: Stat) => boolean;

/** What a push may do on a receiver: its terms, and what this host allows. */
export class Rules {
  /** Device nodes are made, replaced and removed; else they are left alone. */
  readonly #devices: boolean;
  readonly #fsync: boolean;
  #terms: Terms = NO_TERMS;
  #excludes = new Excludes(NO_TERMS);

  constructor({ devices, fsync }: { readonly devices: boolean; readonly fsync: boolean }) {
    this.#devices = devices;
    this.#fsync = fsync;
  }

  get terms(): Terms {
    return this.#terms;
  }

  /** The push's terms have come. */
  set(terms: Terms): void {
    this.#terms = terms;
    this.#excludes = new Excludes(terms);
  }

  /** Whether what is promised must be on the disk: else nothing is flushed, nor writing back hurried. */
  get flushes(): boolean {
    return this.#fsync && !this.#terms.unflushed;
  }

  /** Whether any name is excluded. */
  get excluding(): boolean {
    return !this.#excludes.none;
  }

  readonly spares: Spares = (path, stat) =>
    this.leavesAlone(stat.kind) ||
    this.#excludes.matches(path, stat.kind === "directory" ? "directory" : "file");

  /** Whether one of the directories that `path` is in is excluded. */
  hidesAbove(path: Latin1): boolean {
    const slash = path.lastIndexOf("/");
    return slash >= 0 && this.#excludes.covers(path.slice(0, slash), "directory");
  }

  /** Whether what is of this kind, be it an entry or a name of the own tree, is left alone on this host. */
  leavesAlone(kind: EntryType | Stat["kind"]): boolean {
    return kind === "other" || (!this.#devices && (kind === "block" || kind === "character"));
  }
}
