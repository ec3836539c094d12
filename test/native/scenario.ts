import fc from "fast-check";
import type { BlockIndex, NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import {
  closeContext,
  contextAt,
  NO_SLOT,
  openContext,
  RxHead,
  resetEntry,
} from "../../src/wire/rx-table.ts";
import { type Self, sealControl } from "../../src/wire/twin.ts";

/** Packets as a receiver may meet them, most of them good, and what an engine does to its table between them. */

export const SLOTS = 4;
export const SLOT_BYTES = 2048;
const OWNERS = [0x0102030405060708n, 0x01020304_00000000n, 0xffffffff_05060708n] as const;
export const self: Self = { node: 0x1112131415161718n as NodeId, groupTag: 0xcafe0108 };

/** What a scenario does to both sides. Context, block and so on are small, so that they meet. */
export type Step =
  | { kind: "packet"; packet: Uint8Array }
  | { kind: "open"; context: number; owner: number; push: number; symbolSize: number; blockSymbols: number }
  | { kind: "close"; context: number }
  | { kind: "window"; context: number; base: number; size: number }
  | { kind: "entry"; context: number; block: number; slot: number };

export const small = (max: number) => fc.integer({ min: 0, max });
const symbolSize = fc.constantFrom(1, 7, 16, 64);
/** Now and then more than a slot holds, or none. */
const blockSymbols = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(1, 3, 31, 32, 33) },
  { weight: 1, arbitrary: small(300) },
);

/** Now and then none, or one beyond the arena. */
const slot = fc.oneof(
  { weight: 12, arbitrary: small(SLOTS - 1) },
  { weight: 2, arbitrary: fc.constant(NO_SLOT) },
  { weight: 1, arbitrary: fc.constant(SLOTS) },
);

const header = fc.record({
  type: fc.oneof({ weight: 12, arbitrary: fc.constant(19) }, { weight: 1, arbitrary: small(255) }),
  flags: fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom(2, 0x22, 0x42, 0x12, 0x0a, 0xa2) },
    { weight: 1, arbitrary: small(255) },
  ),
  node: fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...OWNERS) },
    { weight: 1, arbitrary: fc.constantFrom(0n, self.node, self.node ^ 1n, self.node ^ (1n << 32n)) },
  ),
  group: fc.oneof(
    { weight: 12, arbitrary: fc.constant(self.groupTag) },
    { weight: 1, arbitrary: fc.constant(0) },
  ),
  push: fc.oneof({ weight: 5, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.constant(1) }),
  block: fc.oneof(
    { weight: 9, arbitrary: small(6) },
    { weight: 1, arbitrary: fc.constantFrom(64, 66, 0xffffffff) },
  ),
  symbol: fc.oneof(
    { weight: 6, arbitrary: small(3) },
    { weight: 2, arbitrary: small(40) },
    { weight: 1, arbitrary: small(255) },
  ),
  symbols: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(3, 4, 33) },
    { weight: 1, arbitrary: small(255) },
  ),
  // About a turn and a half turn of the counter apart.
  sequence: fc.constantFrom(0, 1, 2, 0x7fff, 0x8000, 0x8001, 0xfffe, 0xffff),
});

/** Damage after sealing: most packets get none. */
const damage = fc.oneof(
  { weight: 8, arbitrary: fc.constant(undefined) },
  {
    weight: 1,
    arbitrary: fc.record({ at: fc.nat(), value: small(255), cut: fc.option(fc.nat(), { nil: undefined }) }),
  },
);

/** Packets whose bodies are mostly `size` bytes long. */
function packets(size: number): fc.Arbitrary<Step> {
  const body = fc.oneof(
    { weight: 5, arbitrary: fc.uint8Array({ minLength: size, maxLength: size }) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 70 }) },
  );
  return fc.tuple(header, body, damage).map(([fields, payload, harm]): Step => {
    const bytes = new Uint8Array(32 + payload.length);
    const view = new DataView(bytes.buffer);
    bytes.set([0x4d, 1, fields.type, fields.flags]);
    view.setBigUint64(8, fields.node);
    view.setUint32(16, fields.group);
    view.setUint32(20, fields.push);
    view.setUint32(24, fields.block);
    bytes.set([fields.symbol, fields.symbols], 28);
    view.setUint16(30, fields.sequence);
    bytes.set(payload, 32);
    sealControl(bytes);
    if (harm === undefined) return { kind: "packet", packet: bytes };
    bytes[harm.at % bytes.length] = harm.value;
    const packet = harm.cut === undefined ? bytes : bytes.slice(0, harm.cut % (bytes.length + 1));
    return { kind: "packet", packet };
  });
}

/** What an engine does to the table between packets. */
const tableStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("open" as const),
      context: small(2),
      owner: small(2),
      push: small(1),
      symbolSize,
      blockSymbols,
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("close" as const), context: small(7) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("window" as const),
      context: small(2),
      base: small(3),
      size: small(64),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("entry" as const), context: small(2), block: small(6), slot }),
  },
);

/** Three open contexts with room, so that most packets find a place from the start; then anything. */
export const scenario: fc.Arbitrary<readonly Step[]> = symbolSize.chain((size) =>
  fc
    .record({
      blockSymbols,
      slots: fc.array(slot, { minLength: 4, maxLength: 4 }),
      steps: fc.array(
        fc.oneof({ weight: 10, arbitrary: packets(size) }, { weight: 1, arbitrary: tableStep }),
        { minLength: 40, maxLength: 120, size: "max" },
      ),
    })
    .map(({ blockSymbols, slots, steps }) => [
      ...OWNERS.flatMap((_, context): Step[] => [
        { kind: "open", context, owner: context, push: 0, symbolSize: size, blockSymbols },
        { kind: "window", context, base: 0, size: 5 },
        ...slots.map((slot, block): Step => ({ kind: "entry", context, block, slot })),
      ]),
      ...steps,
    ]),
);

/** Carries out on a table what is not a packet. */
export function prepare(table: Uint32Array, step: Exclude<Step, { kind: "packet" }>): void {
  switch (step.kind) {
    case "open":
      openContext(table, step.context, {
        owner: OWNERS[step.owner] as NodeId,
        push: step.push as PushId,
        symbolSize: step.symbolSize,
        blockSymbols: step.blockSymbols,
      });
      return;
    case "close":
      closeContext(table, step.context);
      return;
    case "window":
      table[contextAt(step.context) + RxHead.base] = step.base;
      table[contextAt(step.context) + RxHead.limit] = step.base + step.size;
      return;
    case "entry":
      resetEntry(table, step.context, step.block as BlockIndex, step.slot as Slot);
  }
}
