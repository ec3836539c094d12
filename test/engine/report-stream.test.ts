import { describe, expect, test } from "bun:test";
import { ReportStream } from "../../src/engine/report-stream.ts";
import { REPORT_TIMEOUT_US } from "../../src/engine/tuning.ts";
import type { NodeId, PushId } from "../../src/wire/brand.ts";
import type { Report } from "../../src/wire/messages.ts";
import { drain, messages, NO_TURNS, newCore, us } from "./support.ts";

const owner = { node: 9n as NodeId, push: 3 as PushId, address: { ip: 1, port: 2 } };
const full = new Uint8Array(128).fill(0x55);
const accept = { kind: "accept", receiveBuffer: 1, window: 2 } as const;
const need = (section: number) =>
  ({ kind: "need", section, entries: 1024, update: full, content: undefined }) as const;

describe("the report stream (PROTOCOL §6.2)", () => {
  test("records that come together share a packet; what is acknowledged is not sent again", () => {
    const core = newCore();
    const reports = new ReportStream(core, owner, { packetBytes: 500, turn: NO_TURNS });
    reports.add(accept, us(0));
    reports.add({ kind: "prepared" }, us(0));
    reports.onTimeout(us(0));
    const sent = messages(drain(core)) as Report[];
    expect(sent.map(({ first, records }) => [first, records.length])).toEqual([[0, 2]]);
    reports.onAck(2, us(10));
    expect(reports.length).toBe(0);
    expect(reports.deadline()).toBe(us(Number.POSITIVE_INFINITY));
  });

  test("is repeated from the first unacknowledged record at the timeout, not one microsecond sooner", () => {
    const core = newCore();
    const reports = new ReportStream(core, owner, { packetBytes: 400, turn: NO_TURNS });
    reports.add(accept, us(0));
    for (let section = 0; section < 3; section++) reports.add(need(section), us(0));
    reports.onTimeout(us(0));
    expect((messages(drain(core)) as Report[]).map((report) => report.first)).toEqual([0, 3]);
    reports.onAck(3, us(10));
    reports.onTimeout(us(10 + REPORT_TIMEOUT_US - 1));
    expect(drain(core)).toEqual([]);
    reports.onTimeout(us(10 + REPORT_TIMEOUT_US));
    expect((messages(drain(core)) as Report[]).map((report) => report.first)).toEqual([3]);
  });

  test("a long list goes in windows, and an acknowledgement sends the next", () => {
    const core = newCore();
    const reports = new ReportStream(core, owner, { packetBytes: 300, turn: NO_TURNS });
    reports.add(accept, us(0));
    for (let section = 0; section < 39; section++) reports.add(need(section), us(0));
    let next = 0;
    for (let round = 0; round < 100 && next < 40; round++) {
      reports.onTimeout(us(round));
      for (const report of messages(drain(core)) as Report[]) {
        if (report.first === next) next += report.records.length;
      }
      reports.onAck(next, us(round));
    }
    expect(next).toBe(40);
    expect(reports.length).toBe(0);
  });

  test("an acknowledgement of what was never said is ignored", () => {
    const reports = new ReportStream(newCore(), owner, { packetBytes: 500, turn: NO_TURNS });
    reports.add({ kind: "prepared" }, us(0));
    reports.onAck(7, us(0));
    expect(reports.length).toBe(1);
  });
});
