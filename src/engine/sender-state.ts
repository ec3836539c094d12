import type { Micros } from "../wire/brand.ts";
import type { Selection, Task } from "../wire/disk-port.ts";
import type { SenderPhase } from "../wire/messages.ts";

/**
 * What the push is at:
 * - offering: targets are answering; - manifest: it is being sent and compared; - content: blocks flow until all targets are
 *   prepared; - committing: targets switch. How it ends is in push-end.ts.
 */
export type SenderState =
  | { readonly kind: "offering"; readonly due: Micros; readonly repeatUs: number }
  | { readonly kind: "manifest" | "content" }
  | { readonly kind: "committing"; readonly due: Micros; readonly repeatUs: number };

/** For a target that does not keep to the protocol: nothing it says is believed any more. */
export const OUT_OF_ORDER = { kind: "failed", text: "reported out of order" } as const;

/** What a push is asked to do. */
export type PushOrder = {
  readonly request: number;
  readonly selection: Selection;
  readonly dryRun: boolean;
  readonly names: boolean;
  readonly task: Task;
  readonly progress: boolean;
  /** Names of the members that never receive, and are no targets. */
  readonly readOnly: readonly string[];
  readonly symbolSize: number;
  readonly blockSymbols: number;
};

/** The phase as SYNC tells it (PROTOCOL §7.4). `manifestRead`, `allRead`: the source has given its last manifest block, its last block. */
export function phaseOf(
  state: SenderState["kind"],
  read: { readonly manifestRead: boolean; readonly allRead: boolean },
): SenderPhase {
  switch (state) {
    case "offering":
      return "offer";
    case "manifest":
      return read.manifestRead ? "need" : "manifest";
    case "content":
      return read.allRead ? "prepare" : "content";
    case "committing":
      return "commit";
  }
}
