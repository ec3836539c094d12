/** The interface's MTU is changed while the daemon runs. */
import { describe, expect, test } from "bun:test";
import { createEngine } from "../../src/engine/node.ts";
import type { Engine, EngineEvent, Output } from "../../src/engine/ports.ts";
import { SETTLE_US } from "../../src/engine/tuning.ts";
import type { NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { decode, encode } from "../../src/wire/codec.ts";
import { HEADER_BYTES, IP_UDP_BYTES, MTU_MIN } from "../../src/wire/constants.ts";
import { groupTag } from "../../src/wire/crc32c.ts";
import type { Message } from "../../src/wire/messages.ts";
import { RX_TABLE_WORDS } from "../../src/wire/rx-table.ts";
import { config, GROUP, HELLO, us } from "./support.ts";

const FROM = { ip: 0x0a000002, port: 7000 };
const SETTLED = SETTLE_US + 100_000;
const TASK = {
  mode: "send",
  removes: "nothing",
  removesMax: undefined,
  unflushed: false,
  excludes: [],
  gid: undefined,
  compressLevel: 0,
} as const;

/** A node on jumbo frames that knows one other, which has them as well. */
function newNode(): Engine {
  const slots = Array.from({ length: 64 }, (_, slot) => slot as Slot);
  const memory = { rx: new Uint32Array(RX_TABLE_WORDS), slots, slotBytes: 1 << 18 };
  const engine = createEngine(config({ mtu: 9_000 }), memory, () => 0);
  engine.onTimeout(us(0));
  hear(engine, { ...HELLO, mtu: 9_000 });
  for (let at = 0; at <= SETTLED; at += 50_000) engine.onTimeout(us(at));
  outputs(engine);
  return engine;
}

function hear(engine: Engine, message: Message): void {
  engine.onControl(encode({ node: 2n as NodeId, push: 0 as PushId }, groupTag(GROUP), message), FROM, us(1));
}

function outputs(engine: Engine): Output[] {
  const all: Output[] = [];
  for (let output = engine.poll(); output !== undefined; output = engine.poll()) all.push(output);
  return all;
}

function events(all: readonly Output[]): EngineEvent[] {
  return all.flatMap((output) => (output.kind === "event" ? [output.event] : []));
}

function messages(all: readonly Output[]): Message[] {
  return all.flatMap((output) => {
    const decoded = output.kind === "control" ? decode(output.packet) : "none";
    return typeof decoded === "string" ? [] : [decoded.message];
  });
}

/** Asks for a push; what follows at once. */
function push(engine: Engine, request: number): Output[] {
  const order = {
    request,
    selection: { paths: [], recursive: true },
    dryRun: false,
    hosts: undefined,
    names: false,
  };
  engine.onCommand({ kind: "push", ...order, task: TASK, progress: false }, us(SETTLED));
  engine.onTimeout(us(SETTLED));
  return outputs(engine);
}

function setMtu(engine: Engine, mtu: number): Output[] {
  engine.onCommand({ kind: "mtu", mtu }, us(SETTLED));
  engine.onTimeout(us(SETTLED));
  return outputs(engine);
}

/** Size of the packets of an offer. */
function packetBytes(all: readonly Output[]): number | undefined {
  for (const message of messages(all))
    if (message.type === "offer") return message.symbolSize + HEADER_BYTES + IP_UDP_BYTES;
  return undefined;
}

describe("an MTU that changes", () => {
  test("is told to the group at once, and to the log, but not if it is the same", () => {
    const engine = newNode();
    expect(setMtu(engine, 9_000)).toEqual([]);
    const after = setMtu(engine, 1_500);
    expect(messages(after)).toMatchObject([{ type: "hello", mtu: 1_500 }]);
    expect(events(after)).toEqual([{ kind: "log", level: 0, text: "the interface's MTU is 1500 now" }]);
  });

  test("ends a push whose packets have become too large, with the reason; the next one has smaller ones", () => {
    const engine = newNode();
    expect(packetBytes(push(engine, 1))).toBe(9_000);
    const after = setMtu(engine, 1_500);
    expect(messages(after)).toContainEqual(expect.objectContaining({ type: "end" }));
    const close = after.find((output) => output.kind === "source" && output.request.kind === "close");
    if (close?.kind !== "source") throw new Error("the source is not told");
    engine.onSource({ kind: "closed", key: close.request.key }, us(SETTLED));
    expect(events(outputs(engine))).toContainEqual({
      kind: "rejected",
      request: 1,
      text: "the interface's MTU has become 1500 meanwhile: push again",
    });
    expect(packetBytes(push(engine, 2))).toBe(1_500);
  });

  test("that becomes larger disturbs no push", () => {
    const engine = newNode();
    setMtu(engine, 1_500);
    expect(packetBytes(push(engine, 1))).toBe(1_500);
    expect(messages(setMtu(engine, 9_000)).map(({ type }) => type)).toEqual(["hello"]);
    expect(packetBytes(push(engine, 2))).toBe(9_000);
  });

  test("below what the protocol needs counts as that", () => {
    const engine = newNode();
    expect(messages(setMtu(engine, 68))).toMatchObject([{ type: "hello", mtu: MTU_MIN }]);
    expect(setMtu(engine, 100)).toEqual([]);
  });
});
