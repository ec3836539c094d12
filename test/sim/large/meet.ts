import type { Address, Engine } from "../../../src/engine/ports.ts";
import type { Micros } from "../../../src/wire/brand.ts";
import type { Prng } from "../../support/prng.ts";

type Member = { readonly engine: Engine; readonly address: Address };

const STEP_US = 10_000;
/** Time that one member adds to a group's coming together: that of its HELLO, and half as much again. */
const MEMBER_US = 12_000;
const MEET_US_MIN = 1_000_000;

/**
 * Brings a group together quickly: its members start one after the other, and of what they send only the first packet, their HELLO, arrives; it does
 * at all others. Returns the time at which all know each other. The first member starts first.
 */
export function meet(members: readonly Member[], prng: Prng): number {
  const lasts = Math.max(MEET_US_MIN, members.length * MEMBER_US);
  const starts = members.map((_, index) => (index === 0 ? 0 : prng.below((lasts * 2) / 3)));
  const introduced = new Set<Member>();
  for (let now = 0; now < lasts; now += STEP_US) {
    for (const [index, member] of members.entries()) {
      if ((starts[index] as number) > now) continue;
      if (member.engine.deadline() <= now) member.engine.onTimeout(now as Micros);
      for (let output = member.engine.poll(); output !== undefined; output = member.engine.poll()) {
        if (output.kind !== "control" || introduced.has(member)) continue;
        introduced.add(member);
        hear(members, member, output.packet, now as Micros);
      }
    }
  }
  return lasts;
}

function hear(members: readonly Member[], from: Member, packet: Uint8Array, now: Micros): void {
  for (const to of members) {
    if (to === from) continue;
    to.engine.onControl(packet, from.address, now);
    // Log lines about those who join are for nobody.
    for (let output = to.engine.poll(); output?.kind === "event"; output = to.engine.poll());
  }
}
