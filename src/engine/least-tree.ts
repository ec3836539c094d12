/** The least of many numbers, each of which changes often: a tree of which each node has the lesser of its two children. */
export class LeastTree {
  /** Node n has the children 2n and 2n + 1; the numbers themselves are the nodes from `#size` on. */
  readonly #nodes: Float64Array;
  readonly #size: number;

  /** `count` numbers, all Infinity. */
  constructor(count: number) {
    this.#size = Math.max(1, count);
    this.#nodes = new Float64Array(2 * this.#size).fill(Number.POSITIVE_INFINITY);
  }

  /** Infinity if there are none. */
  get least(): number {
    return this.#nodes[1] ?? Number.POSITIVE_INFINITY;
  }

  set(index: number, value: number): void {
    let node = this.#size + index;
    if (this.#nodes[node] === value) return;
    this.#nodes[node] = value;
    for (node >>= 1; node >= 1; node >>= 1) {
      const least = Math.min(this.#nodes[2 * node] ?? value, this.#nodes[2 * node + 1] ?? value);
      if (this.#nodes[node] === least) return;
      this.#nodes[node] = least;
    }
  }
}
