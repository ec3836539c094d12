import { assert } from "../wire/brand.ts";
import { DIGEST_BYTES } from "../wire/constants.ts";
import { VERDICT_STATUSES, type Verdict } from "../wire/verdict.ts";
import { grownTo } from "./grow.ts";

/** Bytes of a verdict here: status, two of errno, digest. */
const ROW_BYTES = 3 + DIGEST_BYTES;
const GOOD = VERDICT_STATUSES.indexOf("good");

/** Verdicts by the dozen bytes: a push may have a million of them before the first is sent. */
export class VerdictLog {
  #rows = new Uint8Array(64 * ROW_BYTES);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  add(verdict: Verdict): void {
    this.#rows = grownTo(this.#rows, (this.#count + 1) * ROW_BYTES);
    this.set(this.#count++, verdict);
  }

  /** Adds that a file is good, which has the digest at `at` in `digests`. */
  addGood(digests: Uint8Array, at: number): void {
    const row = this.#count++ * ROW_BYTES;
    this.#rows = grownTo(this.#rows, row + ROW_BYTES);
    const rows = this.#rows;
    rows[row] = GOOD;
    rows[row + 1] = 0;
    rows[row + 2] = 0;
    for (let i = 0; i < DIGEST_BYTES; i++) rows[row + 3 + i] = digests[at + i] ?? 0;
  }

  /** Puts another verdict in the place of the one that was added as number `index`. */
  set(index: number, verdict: Verdict): void {
    assert(index >= 0 && index < this.#count, "verdict outside the log");
    const at = index * ROW_BYTES;
    this.#rows.fill(0, at, at + ROW_BYTES);
    this.#rows[at] = VERDICT_STATUSES.indexOf(verdict.status);
    if (verdict.status === "unreadable") {
      this.#rows[at + 1] = verdict.errno >>> 8;
      this.#rows[at + 2] = verdict.errno;
    }
    if (verdict.status === "good") this.#rows.set(verdict.digest, at + 3);
  }

  /** The verdict that was added as number `index`, on entry `entry`. */
  at(index: number, entry: number): Verdict {
    const row = this.#rows.subarray(index * ROW_BYTES, (index + 1) * ROW_BYTES);
    const status = VERDICT_STATUSES[row[0] ?? 0] ?? "changed";
    if (status === "good") return { entry, status, digest: row.slice(3) };
    if (status === "changed") return { entry, status };
    return { entry, status, errno: (row[1] ?? 0) * 256 + (row[2] ?? 0) };
  }
}
