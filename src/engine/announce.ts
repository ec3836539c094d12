import type { NodeId } from "../wire/brand.ts";
import { ID_LIST_FIXED_BYTES, OFFER_FIXED_BYTES } from "../wire/codec.ts";
import type { PushKey } from "../wire/disk-port.ts";
import type { Core } from "./core.ts";
import type { PushOrder } from "./sender-state.ts";
import type { Targets } from "./target.ts";
import { STATUS_INTERVAL_US, STATUS_SPACING_US } from "./tuning.ts";

type Push = { readonly order: PushOrder; readonly targets: Targets };

/** OFFER to all targets that have not answered yet (PROTOCOL §6.1). */
export function sendOffer(core: Core, key: PushKey, push: Push): void {
  const { symbolSize, blockSymbols, dryRun, task } = push.order;
  const check = task.mode === "check";
  const targets = push.targets.size;
  const statusIntervalUs = STATUS_INTERVAL_US + targets * STATUS_SPACING_US;
  for (const ids of chunks(push.targets.idsIn("offered"), symbolSize - OFFER_FIXED_BYTES)) {
    core.out.send(key.push, {
      type: "offer",
      symbolSize,
      blockSymbols,
      dryRun: dryRun || check,
      check,
      statusIntervalUs,
      targets,
      ids,
    });
  }
}

/** COMMIT to all targets that are prepared (PROTOCOL §8.2). */
export function sendCommit(core: Core, key: PushKey, push: Push): void {
  for (const ids of chunks(push.targets.idsIn("prepared"), push.order.symbolSize - ID_LIST_FIXED_BYTES)) {
    core.out.send(key.push, { type: "commit", ids });
  }
}

/** Cuts a list of ids into runs that fit `bytes`. */
function chunks(ids: readonly NodeId[], bytes: number): NodeId[][] {
  const each = Math.max(1, Math.floor(bytes / 8));
  const runs: NodeId[][] = [];
  for (let at = 0; at < ids.length; at += each) runs.push(ids.slice(at, at + each));
  return runs;
}
