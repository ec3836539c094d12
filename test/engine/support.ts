import { type Core, Counters, Outbox } from "../../src/engine/core.ts";
import { FeedbackTurn } from "../../src/engine/feedback-turn.ts";
import { Pacer } from "../../src/engine/pacer.ts";
import type { EngineConfig, Output } from "../../src/engine/ports.ts";
import { RoundTrips } from "../../src/engine/round-trips.ts";
import { SlotPool } from "../../src/engine/slots.ts";
import type { Micros, NodeId, Slot } from "../../src/wire/brand.ts";
import { decode } from "../../src/wire/codec.ts";
import { groupTag } from "../../src/wire/crc32c.ts";
import type { Hello, Message } from "../../src/wire/messages.ts";
import { RX_TABLE_WORDS } from "../../src/wire/rx-table.ts";

export const GROUP = "224.0.0.108:5000";

/** Engine time from a plain number of microseconds. */
export function us(value: number): Micros {
  return value as Micros;
}

/** What a member called host2 says of itself. */
export const HELLO: Hello = {
  type: "hello",
  epoch: 5n,
  solicit: false,
  noReceive: false,
  noSend: false,
  mtu: 1500,
  name: "host2",
  version: "2.0.0",
};

/** Of a push to few: a receiver may speak whenever it likes. */
export const NO_TURNS = new FeedbackTurn({ targets: 1, place: 0, named: 1, random: () => 0, now: us(0) });

/** The configuration of a node called host1, but for what is overridden. */
export function config(overrides: Partial<EngineConfig> = {}): EngineConfig {
  return {
    node: 1n as NodeId,
    epoch: 1n,
    name: "host1",
    version: "2.0.0",
    group: GROUP,
    mtu: 576,
    receiveBuffer: 1 << 20,
    noReceive: false,
    noSend: false,
    rateLimit: undefined,
    ...overrides,
  };
}

/** What the parts of an engine share, with a random source that always gives `random` (of 2^32). */
export function newCore(
  options: { random?: number; config?: Partial<EngineConfig>; slots?: number } = {},
): Core {
  const counters = new Counters();
  const settings = config(options.config);
  const slots = Array.from({ length: options.slots ?? 16 }, (_, slot) => slot as Slot);
  const tag = groupTag(GROUP);
  return {
    config: settings,
    groupTag: tag,
    memory: { rx: new Uint32Array(RX_TABLE_WORDS), slots, slotBytes: 1 << 16 },
    random: () => options.random ?? 0,
    slots: new SlotPool(slots),
    pacer: new Pacer(settings.rateLimit),
    roundTrips: new RoundTrips(),
    mtu: settings.mtu,
    treeChanges: 0,
    out: new Outbox(settings.node, tag, counters),
    counters,
  };
}

/** Everything that waits in the outbox. */
export function drain(core: Core): Output[] {
  const all: Output[] = [];
  for (let next = core.out.take(); next !== undefined; next = core.out.take()) all.push(next);
  return all;
}

/** The messages among the outputs, decoded. */
export function messages(outputs: readonly Output[]): Message[] {
  return outputs.flatMap((output) => {
    if (output.kind !== "control") return [];
    const decoded = decode(output.packet);
    if (typeof decoded === "string") throw new Error(`our own packet does not decode: ${decoded}`);
    return [decoded.message];
  });
}
