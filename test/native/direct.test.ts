import { afterEach, describe, expect, test } from "bun:test";
import type { Address } from "../../src/engine/ports.ts";
import { netFacts } from "../../src/io/net-shim.ts";
import type { BlockIndex, NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { DataFlag } from "../../src/wire/constants.ts";
import { entryAt, openContext, RxEntry, RxHead, resetEntry } from "../../src/wire/rx-table.ts";
import { TX_ROW_WORDS, TxRow } from "../../src/wire/tx-row.ts";
import {
  join,
  leaveAll,
  loopback,
  type Member,
  noControl,
  receiveUntil,
  slotBytes,
  symbolSize,
  symbols,
  wholeBlock,
} from "./member.ts";

afterEach(leaveAll);

/** Repeats for one member (PROTOCOL §7.7), on real sockets. */

describe("repeats for one member", () => {
  test("reach that one alone, those that follow each other in one burst", () => {
    const from = join(1n);
    const [to, other] = [join(2n), join(3n)];
    from.arena.bytes.fill(0x5a, 0, slotBytes);
    const [entry, others] = [receiving(to), receiving(other)];
    const address = { ip: loopback.ip, port: netFacts(to.net).unicastPort };
    const rows = [directRow(1, 1, address), directRow(5, 2, address), directRow(50, 1, address)];
    for (const [at, row] of rows.entries()) from.shim.rows.set(row, at * TX_ROW_WORDS);
    const group = wholeBlock(0);
    group[TxRow.count] = 1;
    from.shim.rows.set(group, rows.length * TX_ROW_WORDS);
    from.shim.startRows(rows.length + 1);
    expect(from.shim.sendRows()).toBe("done");
    expect(from.shim.counters()).toMatchObject({ sentPackets: 5, sentBursts: 2 });
    receiveUntil(to, () => to.table[entry + RxEntry.have] === 5, noControl);
    expect(to.table[entry + RxEntry.bitmap]).toBe(0b110_0011);
    expect(to.table[RxHead.received]).toBe(1);
    receiveUntil(other, () => other.table[others + RxEntry.have] === 1, noControl);
    expect(other.shim.counters()).toMatchObject({ data: 1 });
  });

  test("what cannot be sent to one member does not hold up what comes after it", () => {
    const from = join(1n);
    const to = join(2n);
    const entry = receiving(to);
    // Sending to all hosts is not allowed without asking for it (EACCES).
    const nobody = { ip: 0xffff_ffff, port: 9 };
    from.shim.rows.set(directRow(1, 3, nobody));
    from.shim.rows.set(
      directRow(9, 1, { ip: loopback.ip, port: netFacts(to.net).unicastPort }),
      TX_ROW_WORDS,
    );
    from.shim.startRows(2);
    expect(from.shim.sendRows()).toEqual({ kind: "failed", errno: 13 });
    expect(from.shim.rowsPending).toBe(false);
    receiveUntil(to, () => to.table[entry + RxEntry.have] === 1, noControl);
    from.shim.rows.set(directRow(1, 3, nobody));
    from.shim.startRows(1);
    expect(from.shim.sendRows()).toEqual({ kind: "failed", errno: 13 });
    expect(from.shim.rowsPending).toBe(false);
  });
});

/** A row of repeats for one member: `count` symbols of block 0 from `first` on. */
function directRow(first: number, count: number, to: Address): Uint32Array {
  const row = wholeBlock(0);
  const flags = 2 | DataFlag.repair | DataFlag.direct;
  const change = { first, count, flags, sequence: 0, ...to };
  for (const [field, value] of Object.entries(change)) row[TxRow[field as keyof typeof TxRow]] = value;
  return row;
}

/** The head of an open push with block 0 in slot 0. */
function receiving(to: Member): number {
  openContext(to.table, 0, { owner: 1n as NodeId, push: 9 as PushId, symbolSize, blockSymbols: symbols });
  to.table[RxHead.limit] = 1;
  resetEntry(to.table, 0, 0 as BlockIndex, 0 as Slot);
  return entryAt(0, 0 as BlockIndex);
}
