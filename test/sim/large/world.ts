import type { Engine, EngineEvent } from "../../../src/engine/ports.ts";
import type { Micros } from "../../../src/wire/brand.ts";
import { PacketType } from "../../../src/wire/constants.ts";
import { Prng } from "../../support/prng.ts";
import { Alarms } from "./alarms.ts";
import { meet } from "./meet.ts";
import type { LargeModel } from "./model.ts";
import { LargeOwner, OWNER, OWNER_WAKE_US } from "./owner.ts";
import { type Peak, peak } from "./peak.ts";
import { addressOf, LargeReceiver, type Sent, type Surroundings, type Totals } from "./receiver.ts";
import type { DataRun } from "./run-intake.ts";
import { Switch } from "./switch.ts";

/** No push takes longer. */
const PUSH_US_MAX = 300_000_000;

export type LargeResult = {
  readonly receivers: number;
  readonly lossPpm: number;
  readonly contentBytes: number;
  /** Receivers that have switched, and the time from the command to the last event. */
  readonly complete: number;
  readonly pushUs: number;
  /** When, since the command, the last need was known, the first COMMIT went out, and all was over. */
  readonly needsUs: number;
  readonly commitUs: number;
  /** Packets that have reached the owner during the push: by type, in all; and a second, over the push and in the busiest 10 ms. */
  readonly received: Readonly<Record<string, number>>;
  readonly perSecond: number;
  readonly peak: Peak;
  readonly symbols: number;
  readonly repairs: number;
  /** Of these, to one receiver alone. */
  readonly direct: number;
  /** As `Totals`. */
  readonly lost: number;
  readonly lostSomewhere: number;
  readonly overrun: number;
  readonly overflowed: number;
  readonly naksSent: number;
  /** Requests that were not made, as another receiver had made them. */
  readonly naksSuppressed: number;
  readonly turns: number;
};

/** Pushes one file without bytes to so many receivers, in virtual time. */
export function pushToMany(model: LargeModel): LargeResult {
  const world = new LargeWorld(model);
  const members = [{ engine: world.owner.engine, address: addressOf(OWNER) }, ...world.receivers];
  const start = meet(members, new Prng(model.seed).fork("meet"));
  world.run(start);
  return resultOf(world, start);
}

/** The owner, its receivers and the switch between them. */
class LargeWorld implements Surroundings {
  readonly model: LargeModel;
  readonly ports: Switch;
  readonly totals: Totals = { lost: 0, lostSomewhere: 0, overrun: 0 };
  readonly owner: LargeOwner;
  readonly receivers: readonly LargeReceiver[];
  readonly #alarms: Alarms;
  turns = 0;
  firstCommitAt = 0;

  constructor(model: LargeModel) {
    this.model = model;
    this.ports = new Switch(model);
    const prng = new Prng(model.seed).fork("large");
    this.owner = new LargeOwner(this, prng.fork("owner"));
    this.receivers = Array.from(
      { length: model.receivers },
      (_, index) => new LargeReceiver(index + 1, this, prng.fork(`receiver ${index + 1}`)),
    );
    this.#alarms = new Alarms(model.receivers + 1);
  }

  send(host: number, { packet, to, now }: Sent): void {
    if (packet[2] === PacketType.commit && this.firstCommitAt === 0) this.firstCommitAt = now;
    const from = addressOf(host);
    if (to === undefined) {
      const at = this.ports.multicast(host, { packet, from, now });
      const delay = this.ports.entry(this.ports.end - 1)?.delayUs?.[OWNER] ?? 0;
      if (host !== OWNER && delay !== Number.POSITIVE_INFINITY)
        this.#toOwner({ at: at + delay, packet, from });
      return this.#wakeReceivers(at, host);
    }
    const target = to.ip - addressOf(OWNER).ip;
    const at = this.ports.unicast(host, target, { bytes: packet.length, now });
    if (at === undefined) return;
    if (target === OWNER) return this.#toOwner({ at, packet, from });
    const receiver = this.receivers[target - 1];
    receiver?.receive(packet, at);
    this.#wake(target, Math.max(at, receiver?.busyUntil ?? 0));
  }

  /** The owner's DATA for one receiver. */
  sendDirect(
    run: DataRun,
    sent: { readonly to: number; readonly packetBytes: number; readonly now: number },
  ): void {
    const target = sent.to - addressOf(OWNER).ip;
    const receiver = this.receivers[target - 1];
    if (receiver === undefined) throw new Error("DATA for nobody");
    for (let packet = 0; packet < run.count; packet++) {
      const at = this.ports.unicast(OWNER, target, { bytes: sent.packetBytes, now: sent.now });
      if (at === undefined) continue;
      receiver.receive({ ...run, first: run.first + packet, count: 1 }, at);
      this.#wake(target, Math.max(at, receiver.busyUntil));
    }
  }

  /** Lets time pass from `start`, when the push is asked for, until it is over. */
  run(start: number): void {
    for (const { host } of this.receivers) this.#wake(host, start);
    this.owner.push(start);
    this.#wake(OWNER, start);
    while (!this.#over) {
      const host = this.#alarms.first;
      const now = this.#alarms.at(host);
      if (now > start + PUSH_US_MAX) throw new Error("the push does not end");
      if ((++this.turns & 0xffff) === 0) this.#forget();
      const receiver = this.receivers[host - 1];
      const before = this.ports.end;
      this.#alarms.set(host, receiver === undefined ? this.owner.run(now) : receiver.run(now));
      const sent = receiver === undefined ? this.ports.entry(before) : undefined;
      if (sent !== undefined) this.#wakeReceivers(sent.at, OWNER);
    }
  }

  #toOwner(arrival: Parameters<LargeOwner["receive"]>[0]): void {
    this.owner.receive(arrival);
    this.#wake(OWNER, Math.max(this.owner.busyUntil, arrival.at + OWNER_WAKE_US));
  }

  /** Those who wait for nothing earlier wait for what has been sent to the group. */
  #wakeReceivers(at: number, from: number): void {
    const woken = at + this.model.interruptUs;
    for (const { host, busyUntil } of this.receivers) {
      if (host !== from) this.#wake(host, Math.max(woken, busyUntil));
    }
  }

  #wake(host: number, at: number): void {
    const due = Math.ceil(at);
    if (due < this.#alarms.at(host)) this.#alarms.set(host, due);
  }

  #forget(): void {
    this.ports.forget(this.receivers.reduce((least, { cursor }) => Math.min(least, cursor), this.ports.end));
  }

  get #over(): boolean {
    const last = this.owner.events[this.owner.events.length - 1]?.event;
    return last?.kind === "finished" || last?.kind === "rejected";
  }
}

function resultOf(world: LargeWorld, start: number): LargeResult {
  const { model, owner, totals, ports } = world;
  const { receivers, lossPpm, contentBytes } = model;
  const when = (kind: EngineEvent["kind"]) =>
    (owner.events.findLast(({ event }) => event.kind === kind)?.at ?? start) - start;
  const pushUs = (owner.events.at(-1)?.at ?? start) - start;
  const arrivals = owner.arrivals.filter(({ at }) => at >= start);
  const received: Record<string, number> = {};
  for (const { type } of arrivals) received[nameOf(type)] = (received[nameOf(type)] ?? 0) + 1;
  const sent = countersOf(owner.engine, start);
  const counters = world.receivers.map(({ engine }) => countersOf(engine, start));
  const sum = (name: string) => counters.reduce((total, one) => total + (one[name] ?? 0), 0);
  return {
    receivers,
    lossPpm,
    contentBytes,
    complete: owner.events.filter(
      ({ event }) => event.kind === "outcome" && event.outcome.kind === "complete",
    ).length,
    pushUs,
    needsUs: when("need"),
    commitUs: world.firstCommitAt - start,
    received,
    perSecond: (arrivals.length * 1e6) / pushUs,
    peak: peak(arrivals.map(({ at }) => at - start)),
    symbols: sent["sent symbols"] ?? 0,
    repairs: sent["sent repairs"] ?? 0,
    direct: sent["sent repairs to one"] ?? 0,
    ...totals,
    overflowed: ports.overflowed,
    naksSent: sum("sent nak"),
    naksSuppressed: sum("naks suppressed"),
    turns: world.turns,
  };
}

function nameOf(type: number): string {
  return Object.entries(PacketType).find(([, number]) => number === type)?.[0] ?? String(type);
}

function countersOf(engine: Engine, now: number): Readonly<Record<string, number>> {
  engine.onCommand({ kind: "status", request: 2 }, now as Micros);
  for (let output = engine.poll(); output !== undefined; output = engine.poll()) {
    if (output.kind === "event" && output.event.kind === "status") return output.event.status.counters;
  }
  throw new Error("no answer");
}
