import type { Tree, Version } from "./tree.ts";

/** The tree of one host, and which change touched which path last: a commit answers only for what nobody changed after its comparison. */
export class HostTree {
  readonly #files: Tree;
  readonly #changedAt = new Map<string, number>();
  #changes = 0;

  constructor(files: Tree) {
    this.#files = files;
  }

  get files(): ReadonlyMap<string, Version> {
    return this.#files;
  }

  /** Number of the newest change. */
  get changes(): number {
    return this.#changes;
  }

  get(path: string): Version | undefined {
    return this.#files.get(path);
  }

  /** All that is written until the next call is one change, and happens at once. Returns its number. */
  begin(): number {
    return ++this.#changes;
  }

  write(path: string, version: Version): void {
    this.#files.set(path, version);
    this.#changedAt.set(path, this.#changes);
  }

  changedAt(path: string): number {
    return this.#changedAt.get(path) ?? 0;
  }
}
