import { nameOf, parentOf } from "./names.ts";
import { Errno, type Failed, type Fd, type Latin1, type Stat, type Sys } from "./sys.ts";

/** Status of the names of a section in the own tree, asked for a directory at a time. */
export class OwnStatus {
  readonly #sys: Sys;
  readonly #paths: readonly Latin1[];
  readonly #byParent = new Map<Latin1, number[]>();
  readonly #stats: (Stat | Failed | undefined)[];

  constructor({ sys }: { sys: Sys }, paths: readonly Latin1[]) {
    this.#sys = sys;
    this.#paths = paths;
    this.#stats = new Array<undefined>(paths.length).fill(undefined);
    paths.forEach((path, index) => {
      const parent = parentOf(path);
      const siblings = this.#byParent.get(parent);
      if (siblings === undefined) this.#byParent.set(parent, [index]);
      else siblings.push(index);
    });
  }

  /** Status of entry `index`, whose directory is open as `parent`. */
  get(index: number, parent: Fd): Stat | Failed {
    const known = this.#stats[index];
    if (known !== undefined) return known;
    const siblings = this.#byParent.get(parentOf(this.#paths[index] ?? "")) ?? [];
    const names = siblings.map((sibling) => nameOf(this.#paths[sibling] ?? ""));
    const stats = this.#sys.statMany(parent, names);
    siblings.forEach((sibling, i) => {
      this.#stats[sibling] = stats[i];
    });
    return this.#stats[index] ?? (-Errno.EIO as Failed);
  }
}
