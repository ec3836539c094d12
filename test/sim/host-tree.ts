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

  /** Puts something at a path; directories on the way are made where they are missing. */
  write(path: string, version: Version): void {
    for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
      const parent = path.slice(0, at);
      if (this.#files.has(parent)) continue;
      this.#files.set(parent, { kind: "directory", content: 0, size: 0, meta: 0 });
      // Somebody has taken it away, and that is what this change finds: it says nothing of the directory itself.
      this.#changedAt.set(parent, this.#changes - 0.5);
    }
    this.#files.set(path, version);
    this.#changedAt.set(path, this.#changes);
  }

  /** Takes away what stands at a path, and all below it. */
  remove(path: string): void {
    for (const other of [...this.#files.keys()]) {
      if (other !== path && !other.startsWith(`${path}/`)) continue;
      this.#files.delete(other);
      this.#changedAt.set(other, this.#changes);
    }
  }

  changedAt(path: string): number {
    return this.#changedAt.get(path) ?? 0;
  }
}
