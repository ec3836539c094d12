/** Virtual time in microseconds, and what happens when: a binary heap, first come first served among equals. */
export class EventQueue {
  now = 0;
  #sequence = 0;
  readonly #heap: Entry[] = [];

  get length(): number {
    return this.#heap.length;
  }

  /** Calls `run` at virtual time `at`, or now if that has passed. */
  at(at: number, run: () => void): void {
    const entry = { at: Math.max(at, this.now), sequence: this.#sequence++, run };
    const heap = this.#heap;
    let hole = heap.length;
    heap.push(entry);
    while (hole > 0) {
      const up = (hole - 1) >> 1;
      const parent = heap[up] as Entry;
      if (!before(entry, parent)) break;
      heap[hole] = parent;
      hole = up;
    }
    heap[hole] = entry;
  }

  after(delay: number, run: () => void): void {
    this.at(this.now + delay, run);
  }

  /** Runs the next event, unless it lies after `until`: then time moves there, and the answer is false. */
  step(until: number): boolean {
    const first = this.#heap[0];
    if (first === undefined || first.at > until) {
      this.now = Math.max(this.now, until);
      return false;
    }
    this.#removeFirst();
    this.now = first.at;
    first.run();
    return true;
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop() as Entry;
    const size = heap.length;
    if (size === 0) return;
    let hole = 0;
    for (;;) {
      let down = 2 * hole + 1;
      if (down >= size) break;
      if (down + 1 < size && before(heap[down + 1] as Entry, heap[down] as Entry)) down++;
      const child = heap[down] as Entry;
      if (!before(child, last)) break;
      heap[hole] = child;
      hole = down;
    }
    heap[hole] = last;
  }
}

type Entry = { readonly at: number; readonly sequence: number; readonly run: () => void };

function before(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.sequence < b.sequence);
}
