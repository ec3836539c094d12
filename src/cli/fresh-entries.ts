import { comparePaths } from "../wire/path.ts";

/**
 * Tells the entries of a push apart that have not been named yet, for whatever host: lines come by section and host, the sections of each host
 * in order, and every section names all its entries. Remembers one path, not all.
 */
export class FreshEntries {
  #last: Buffer | undefined;

  /** The entries of one section that are new, in manifest order. Paths are bytes, one character each. */
  of(updated: readonly string[], skipped: readonly string[]): string[] {
    const entries = [...updated, ...skipped].map((path) => Buffer.from(path, "latin1")).sort(comparePaths);
    const last = entries.at(-1);
    if (last === undefined || (this.#last !== undefined && comparePaths(last, this.#last) <= 0)) return [];
    this.#last = last;
    return entries.map((path) => path.toString("latin1"));
  }
}
