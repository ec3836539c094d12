/** A broken invariant: what was violated, and at which virtual time (microseconds). */
export class SimFailure extends Error {
  readonly invariant: string;
  readonly at: number;

  constructor(invariant: string, at: number, options?: ErrorOptions) {
    super(`${invariant} (at ${(at / 1000).toFixed(3)} ms)`, options);
    this.name = "SimFailure";
    this.invariant = invariant;
    this.at = at;
  }
}
