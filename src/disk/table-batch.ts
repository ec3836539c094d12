import { BULK_FILES_MAX } from "./sys.ts";

/** Files of one table as they are collected for a call of `Sys.makeFiles` or `Sys.readFiles`, in the form that it takes. */
export class TableBatch {
  readonly indexes = new Uint32Array(BULK_FILES_MAX);
  readonly offsets = new Uint32Array(BULK_FILES_MAX);
  count = 0;
  /** Where the first one's bytes are. */
  at = 0;

  get full(): boolean {
    return this.count === BULK_FILES_MAX;
  }

  /** Adds a file by its index in the table; its bytes are at `at` in the arena, not before those of the first. */
  add(index: number, at: number): void {
    if (this.count === 0) this.at = at;
    this.indexes[this.count] = index;
    this.offsets[this.count++] = at - this.at;
  }
}
