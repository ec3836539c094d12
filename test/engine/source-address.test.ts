/** Packets from where nothing can be sent to (PROTOCOL §2.1): hosts that have no address yet, and whoever writes UDP headers himself. */
import { describe, expect, test } from "bun:test";
import { createEngine } from "../../src/engine/node.ts";
import type { Address, Engine, Output } from "../../src/engine/ports.ts";
import type { BlockIndex, NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { encode } from "../../src/wire/codec.ts";
import { groupTag } from "../../src/wire/crc32c.ts";
import type { Message } from "../../src/wire/messages.ts";
import { RX_TABLE_WORDS } from "../../src/wire/rx-table.ts";
import { config, GROUP, HELLO, us } from "./support.ts";

const SOUND: Address = { ip: 0x0a000002, port: 7000 };
const NOWHERE: readonly Address[] = [
  { ip: SOUND.ip, port: 0 },
  { ip: 0, port: SOUND.port },
];
/** Of a push that the engine does not know: it answers END. */
const LATE: Message = {
  type: "status",
  owner: config().node,
  next: 0 as BlockIndex,
  limit: 0 as BlockIndex,
  sequence: 0,
  state: "receiving",
  received: 0,
};

function newEngine(): Engine {
  const slots = Array.from({ length: 8 }, (_, slot) => slot as Slot);
  const memory = { rx: new Uint32Array(RX_TABLE_WORDS), slots, slotBytes: 1 << 16 };
  const engine = createEngine(config(), memory, () => 0);
  engine.onTimeout(us(0));
  outputs(engine);
  return engine;
}

function outputs(engine: Engine): Output[] {
  const all: Output[] = [];
  for (let output = engine.poll(); output !== undefined; output = engine.poll()) all.push(output);
  return all;
}

/** What the engine does about a message from there. */
function hear(engine: Engine, message: Message, from: Address): Output[] {
  const origin = { node: 2n as NodeId, push: (message.type === "hello" ? 0 : 77) as PushId };
  engine.onControl(encode(origin, groupTag(GROUP), message), from, us(1));
  return outputs(engine);
}

/** What the engine answers to `members` or `status`. */
function ask(engine: Engine, kind: "members" | "status"): Output | undefined {
  engine.onCommand({ kind, request: 1 }, us(2));
  return outputs(engine)[0];
}

describe("a packet from where nothing can be sent to", () => {
  test("gets no answer", () => {
    const engine = newEngine();
    for (const from of NOWHERE) expect(hear(engine, LATE, from)).toEqual([]);
    expect(hear(engine, LATE, SOUND)).toMatchObject([{ kind: "control", to: SOUND }]);
    const counters = { "drop source": 2, "received status": 1 };
    expect(ask(engine, "status")).toMatchObject({ event: { status: { counters } } });
  });

  test("makes nobody a member, not even one that was heard from elsewhere", () => {
    const engine = newEngine();
    for (const from of NOWHERE) hear(engine, HELLO, from);
    expect(ask(engine, "members")).toMatchObject({ event: { members: [] } });
    hear(engine, HELLO, SOUND);
    for (const from of NOWHERE) hear(engine, HELLO, from);
    expect(ask(engine, "members")).toMatchObject({ event: { members: [{ address: SOUND }] } });
  });
});
