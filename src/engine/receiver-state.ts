import type { Micros } from "../wire/brand.ts";
import type { ReceiverPhase } from "../wire/messages.ts";

/**
 * What this receiver does with the push:
 * - opening: the stage prepares its place; - receiving: blocks arrive and are used; - preparing, prepared; - committing;
 * - done: the tree has switched, and late questions are answered; - failed: the owner is being told why;
 * - closing: the stage removes what it has; - closed: nothing is left, the push can be forgotten.
 */
export type ReceiverState =
  | {
      readonly kind:
        | "opening"
        | "receiving"
        | "preparing"
        | "prepared"
        | "committing"
        | "failed"
        | "closing"
        | "closed";
    }
  | { readonly kind: "asking"; readonly until: Micros; readonly next: Micros }
  | { readonly kind: "done"; readonly until: Micros };

/** The state as STATUS tells it (PROTOCOL §7.3); undefined: there is none to send. */
export function phaseOf(kind: ReceiverState["kind"]): ReceiverPhase | undefined {
  switch (kind) {
    // Nothing can be received yet, but the owner learns that its offer has arrived and need not give up.
    case "opening":
      return "receiving";
    case "receiving":
    case "preparing":
    case "prepared":
    case "committing":
    case "done":
      return kind;
    case "asking":
      return "prepared";
    default:
      return undefined;
  }
}
