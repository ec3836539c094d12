/** One alarm for each host: a binary heap of hosts by time. What a host sets anew replaces what it had set. */
export class Alarms {
  readonly #at: Float64Array;
  /** Hosts, soonest first, and where each stands there. */
  readonly #heap: Int32Array;
  readonly #place: Int32Array;

  constructor(hosts: number) {
    this.#at = new Float64Array(hosts).fill(Number.POSITIVE_INFINITY);
    this.#heap = Int32Array.from({ length: hosts }, (_, host) => host);
    this.#place = Int32Array.from(this.#heap);
  }

  /** The host whose turn is next. */
  get first(): number {
    return this.#heap[0] as number;
  }

  /** When the alarm of `host` is due; Infinity: never. */
  at(host: number): number {
    return this.#at[host] as number;
  }

  set(host: number, at: number): void {
    const before = this.#at[host] as number;
    this.#at[host] = at;
    if (at < before) this.#up(host);
    else if (at > before) this.#down(host);
  }

  #up(host: number): void {
    const at = this.at(host);
    let hole = this.#place[host] as number;
    while (hole > 0) {
      const above = this.#heap[(hole - 1) >> 1] as number;
      if (this.at(above) <= at) break;
      this.#put(above, hole);
      hole = (hole - 1) >> 1;
    }
    this.#put(host, hole);
  }

  #down(host: number): void {
    const at = this.at(host);
    let hole = this.#place[host] as number;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= this.#heap.length) break;
      const right = this.#heap[child + 1];
      if (right !== undefined && this.at(right) < this.at(this.#heap[child] as number)) child++;
      const below = this.#heap[child] as number;
      if (this.at(below) >= at) break;
      this.#put(below, hole);
      hole = child;
    }
    this.#put(host, hole);
  }

  #put(host: number, hole: number): void {
    this.#heap[hole] = host;
    this.#place[host] = hole;
  }
}
