import { expect, test } from "bun:test";
import { ReportAcks } from "../../src/engine/report-acks.ts";
import {
  REPORT_ACK_DELAY_US,
  REPORT_ACK_PACKETS,
  REPORT_TIMEOUT_US,
  REPORT_WINDOW,
} from "../../src/engine/tuning.ts";
import type { NodeId, PushId } from "../../src/wire/brand.ts";
import type { Report } from "../../src/wire/messages.ts";
import { drain, messages, newCore, us } from "./support.ts";

const from = { ip: 1, port: 2 };
const [anna, bert] = [7n as NodeId, 8n as NodeId];
const never = us(Number.POSITIVE_INFINITY);

function report(first: number): Report {
  return { type: "report", owner: 9n as NodeId, first, records: [{ kind: "prepared" }] };
}

function open() {
  const core = newCore();
  const acks = new ReportAcks(core, 3 as PushId);
  /** A report of one record, after `before` have been taken. */
  const take = (node: NodeId, first: number, { before = first, now = 0 } = {}) =>
    acks.add(node, report(first), { from, before, next: Math.max(before, first + 1), now: us(now) });
  /** What has been sent: to whom, and the next record. */
  const sent = () =>
    messages(drain(core)).map((one) => (one.type === "reportAck" ? [one.receiver, one.next] : one));
  return { acks, take, sent };
}

test("reports are acknowledged together after the delay, not one microsecond sooner", () => {
  const { acks, take, sent } = open();
  take(anna, 0);
  take(bert, 0, { now: 500 });
  take(anna, 1, { now: 900 });
  acks.onTimeout(us(REPORT_ACK_DELAY_US - 1));
  expect(sent()).toEqual([]);
  expect(acks.deadline).toBe(us(REPORT_ACK_DELAY_US));
  acks.onTimeout(us(REPORT_ACK_DELAY_US));
  expect(sent()).toEqual([
    [anna, 2],
    [bert, 1],
  ]);
  expect(acks.deadline).toBe(never);
});

test("one that is repeated, or comes after a lost one, is acknowledged at once", () => {
  const { acks, take, sent } = open();
  take(anna, 0, { before: 1 });
  expect(sent()).toEqual([[anna, 1]]);
  acks.add(anna, report(5), { from, before: 1, next: 1, now: us(0) });
  expect(sent()).toEqual([[anna, 1]]);
  expect(acks.deadline).toBe(never);
});

test("many in a row do not wait for the delay", () => {
  const { acks, take, sent } = open();
  take(bert, 0);
  for (let i = 0; i < REPORT_ACK_PACKETS; i++) take(anna, i);
  expect(sent()).toEqual([[anna, REPORT_ACK_PACKETS]]);
  expect(acks.deadline).toBe(us(REPORT_ACK_DELAY_US));
});

test("the delay ends well before a repeat, and the number before the window is full", () => {
  expect(REPORT_ACK_DELAY_US).toBeLessThan(REPORT_TIMEOUT_US / 2);
  expect(REPORT_ACK_PACKETS).toBeLessThan(REPORT_WINDOW);
});
