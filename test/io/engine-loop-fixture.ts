import type { Address, Command, Engine, EngineEvent, Output } from "../../src/engine/ports.ts";
import type { LoopParts, Mail } from "../../src/io/engine-loop.ts";
import type { SendResult } from "../../src/io/net-shim.ts";
import type { Micros } from "../../src/wire/brand.ts";
import type { SourceReply } from "../../src/wire/disk-port.ts";
import { TX_ROW_WORDS } from "../../src/wire/tx-row.ts";

/** What tests of the engine's loop share: an engine, a network and threads that do what the test says. */

/** No deadline. */
export const NEVER = Number.POSITIVE_INFINITY as Micros;
/** What ends the loop. */
export const stopped: Output = { kind: "event", event: { kind: "stopped" } };

/** An engine that does what the test says and stops when told. */
export class StubEngine implements Engine {
  readonly outputs: Output[] = [];
  readonly seen: string[] = [];
  due: Micros = NEVER;
  onControl = (_packet: Uint8Array, _from: Address, _now: Micros): void => {};
  onReceived = (_now: Micros): void => {};
  onCommand = (_command: Command, _now: Micros): void => {};
  onTimeout = (_now: Micros): void => {};
  onSource = (_reply: SourceReply, _now: Micros): void => {};
  onStage = (): void => {};
  takeRows = (_rows: Uint32Array, _rowsMax: number, _now: Micros): number => 0;
  poll = (): Output | undefined => this.outputs.shift();
  deadline = (): Micros => this.due;
  awaited = (): boolean => true;
}

/** What the loop sees of the sockets. */
export type Net = LoopParts["net"];

/** A network that is never ready but as the test says, and a clock that only waiting moves. */
export function fakeNet(script: {
  wait: (timeoutUs: number, forSend: boolean) => { ready: number; us: number };
}) {
  const log: string[] = [];
  /** When there was work. */
  const worked: Micros[] = [];
  let now = 1_000_000;
  let pending = 0;
  const results: { control: SendResult[]; rows: SendResult[] } = { control: [], rows: [] };
  const net: Net = {
    rows: new Uint32Array(TX_ROW_WORDS * 64),
    wait(timeoutUs, { forSend }) {
      log.push(`wait ${timeoutUs}${forSend ? " send" : ""}`);
      const { ready, us } = script.wait(timeoutUs, forSend);
      now += us;
      return ready;
    },
    receive: (socket) => {
      log.push(`receive ${socket}`);
      return { touched: 0, more: false };
    },
    get rowsPending() {
      return pending > 0;
    },
    startRows(count) {
      log.push(`start ${count}`);
      pending = count;
    },
    sendRows() {
      const result = results.rows.shift() ?? "done";
      log.push(`rows ${typeof result === "string" ? result : "failed"}`);
      if (result !== "full") pending = 0;
      return result;
    },
    addControl: () => true,
    sendControl: () => results.control.shift() ?? "done",
    mtu: () => undefined,
    counters: () => ({ sentBytes: 0, sentPackets: 0 }),
  };
  const collect = () => {
    log.push("collect");
  };
  const atWork = (at: Micros) => {
    worked.push(at);
  };
  const parts = { net, now: () => now as Micros, collect, atWork };
  return { net, log, worked, results, parts };
}

/** What the loop tells the main thread, events only. */
export function takeEvents(take: (event: EngineEvent) => void): Pick<Mail, "toMain"> {
  return {
    toMain: (notices) => {
      for (const notice of notices) if (notice.kind === "event") take(notice.event);
    },
  };
}

/** Threads that say nothing but what the test says. */
export function silentMail(over: Partial<Mail> = {}): Mail {
  return {
    takeCommand: () => undefined,
    takeSource: () => undefined,
    takeStage: () => undefined,
    toSource: () => {},
    toStage: () => {},
    toMain: () => {},
    ...over,
  };
}
