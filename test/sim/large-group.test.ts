import { expect, test } from "bun:test";
import { createEngine } from "../../src/engine/node.ts";
import type { Engine } from "../../src/engine/ports.ts";
import type { Micros, NodeId } from "../../src/wire/brand.ts";
import { PacketType } from "../../src/wire/constants.ts";
import { RX_TABLE_WORDS } from "../../src/wire/rx-table.ts";
import { Prng } from "../support/prng.ts";

const NODES = 1_000;
/** Some come later, when the group has settled. */
const JOINERS = 4;
const STEP_US = 10_000;
const SETTLED_S = 8;
const END_S = 16;

type Member = {
  readonly engine: Engine;
  readonly address: { readonly ip: number; readonly port: number };
  /** A newcomer does not hear what was said before it came. */
  readonly hearsAt: number;
  readonly startsAt: number;
  /** Whether anything of it has reached the others. */
  introduced: boolean;
};

test("a group of 1,000 makes at most 200 membership packets a second, newcomers included", () => {
  const members = newGroup();
  const perSecond = Array.from({ length: END_S }, () => 0);
  for (let now = 0; now < END_S * 1e6; now += STEP_US) {
    const second = Math.floor(now / 1e6);
    perSecond[second] = (perSecond[second] ?? 0) + step(members, now);
  }
  const settled = perSecond.slice(SETTLED_S);
  expect(settled.length).toBe(END_S - SETTLED_S);
  expect(Math.max(...settled)).toBeLessThanOrEqual(200);
  // The silent ones would pass the bound, too: everybody must know the whole group.
  for (const { engine, startsAt } of members) {
    if (startsAt < SETTLED_S * 1e6) expect(membersOf(engine)).toBe(NODES + JOINERS - 1);
  }
}, 300_000);

/**
 * The engines alone, on a network that gets the group together quickly: the members start one after the other, and of what they send
 * before the group has settled only the first packet arrives.
 */
function newGroup(): Member[] {
  const prng = new Prng(1).fork("large group");
  // The group has no business with blocks: one table serves all.
  const memory = { rx: new Uint32Array(RX_TABLE_WORDS), slots: [], slotBytes: 1_024 };
  return Array.from({ length: NODES + JOINERS }, (_, index) => {
    const random = prng.fork(`node ${index}`);
    const config = {
      node: BigInt(index + 1) as NodeId,
      epoch: BigInt(index + 1),
      name: `host${index}`,
      version: "sim",
      group: "224.0.0.108:5000",
      mtu: 1_500,
      receiveBuffer: 1 << 20,
      noReceive: false,
      noSend: false,
      rateLimit: undefined,
    };
    const joinsAt = (SETTLED_S + 1 + (index - NODES)) * 1e6;
    return {
      engine: createEngine(config, memory, () => random.u32()),
      hearsAt: index < NODES ? 0 : joinsAt,
      startsAt: index < NODES ? prng.below(SETTLED_S * 1e6) : joinsAt,
      introduced: false,
      address: { ip: 0x0a00_0001 + index, port: 40_000 },
    };
  });
}

/** Returns the number of membership packets sent. */
function step(members: readonly Member[], now: number): number {
  const running = members.filter(({ startsAt }) => startsAt <= now);
  const hearing = members.filter(({ hearsAt }) => hearsAt <= now);
  const sent: { readonly from: Member; readonly packet: Uint8Array }[] = [];
  for (const from of running) {
    if (from.engine.deadline() <= now) from.engine.onTimeout(now as Micros);
    for (let output = from.engine.poll(); output !== undefined; output = from.engine.poll()) {
      if (output.kind === "control") sent.push({ from, packet: output.packet });
    }
  }
  for (const { from, packet } of sent) {
    const type = packet[2] as number;
    expect(type === PacketType.hello || type === PacketType.bye).toBe(true);
    if (now < SETTLED_S * 1e6 && from.introduced) continue;
    from.introduced = true;
    for (const to of hearing) if (to !== from) to.engine.onControl(packet, from.address, now as Micros);
  }
  return sent.length;
}

function membersOf(engine: Engine): number {
  engine.onCommand({ kind: "members", request: 1 }, (END_S * 1e6) as Micros);
  for (let output = engine.poll(); output !== undefined; output = engine.poll()) {
    if (output.kind === "event" && output.event.kind === "members") return output.event.members.length;
  }
  return -1;
}
