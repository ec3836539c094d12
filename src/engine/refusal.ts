import { HEADER_BYTES, IP_UDP_BYTES, RefuseReason } from "../wire/constants.ts";
import type { Offer } from "../wire/messages.ts";
import type { Core } from "./core.ts";

/** Why an offer cannot be accepted by a node of these limits, or undefined. */
export function refusal(
  core: Core,
  offer: Offer,
): { readonly reason: RefuseReason; readonly text: string } | undefined {
  // Whoever only compares receives nothing.
  if (core.config.noReceive && !offer.check) return { reason: RefuseReason.readOnly, text: "read only" };
  if (offer.blockSymbols * offer.symbolSize > core.memory.slotBytes) {
    return { reason: RefuseReason.other, text: `blocks larger than ${core.memory.slotBytes} bytes` };
  }
  if (offer.symbolSize + HEADER_BYTES + IP_UDP_BYTES > core.mtu) {
    return { reason: RefuseReason.other, text: `packets larger than this host's MTU of ${core.mtu}` };
  }
  return undefined;
}
