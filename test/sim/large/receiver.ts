import type { Address, Engine, Output } from "../../../src/engine/ports.ts";
import type { Micros, NodeId, Slot } from "../../../src/wire/brand.ts";
import { BlockKind } from "../../../src/wire/constants.ts";
import type { StageReply, StageRequest } from "../../../src/wire/disk-port.ts";
import { RX_TABLE_WORDS } from "../../../src/wire/rx-table.ts";
import type { Prng } from "../../support/prng.ts";
import { engineOf } from "../engine-under-test.ts";
import { type LargeModel, PACKET_CHARGE } from "./model.ts";
import { type DataRun, isMissing, takeRun } from "./run-intake.ts";
import type { Passage, Switch } from "./switch.ts";

const NEVER = Number.POSITIVE_INFINITY;
/** Packets taken from the socket in one turn at most. */
const BATCH = 1_024;

/** What a receiver does with the world. */
export type Surroundings = {
  readonly model: LargeModel;
  readonly ports: Switch;
  readonly totals: Totals;
  sendDirect(
    run: DataRun,
    sent: { readonly to: number; readonly packetBytes: number; readonly now: number },
  ): void;
  /** Sends a control packet at `now`. */
  send(host: number, sent: Sent): void;
};

/** A control packet on its way, to the group if `to` is undefined. */
export type Sent = { readonly packet: Uint8Array; readonly to: Address | undefined; readonly now: number };

/** What is counted over all receivers. */
export type Totals = {
  /** Symbols that receivers have missed, each counted for each of them; and transmissions that somebody has missed. */
  lost: number;
  lostSomewhere: number;
  /** Packets for which a socket had no room. */
  overrun: number;
};

/** Packets in the socket's buffer: part of a passage. */
type Waiting = { readonly passage: Passage; readonly from: number; readonly end: number };

/** One receiver: the production engine with a socket, a thread that takes its time, and a disk that takes its time. */
export class LargeReceiver {
  readonly host: number;
  readonly address: Address;
  readonly engine: Engine;
  /** Until when the thread is at work. */
  busyUntil = 0;
  /** The next entry of the switch's log, and the packets of it that have arrived. */
  cursor = 0;
  #arrived = 0;
  readonly #around: Surroundings;
  readonly #table = new Uint32Array(RX_TABLE_WORDS);
  readonly #prng: Prng;
  /** Packets that still arrive before the next one is lost. */
  #untilLoss: number;
  #socket: Waiting[] = [];
  #packets = 0;
  readonly #packetUs: number;
  #inbox: { readonly at: number; readonly packet: Uint8Array | DataRun }[] = [];
  #replies: { readonly at: number; readonly reply: StageReply }[] = [];
  /** When the stage has done all that it was asked for. */
  #stageFree = 0;

  constructor(host: number, around: Surroundings, prng: Prng) {
    this.host = host;
    this.#around = around;
    this.#prng = prng.fork("loss");
    this.#untilLoss = this.#drawLoss();
    const { receivers, slowReceivers, slowPacketUs, receivePacketUs } = around.model;
    this.#packetUs = host > receivers - slowReceivers ? slowPacketUs : receivePacketUs;
    this.address = addressOf(host);
    const random = prng.fork("engine");
    const slots = Array.from({ length: SLOTS }, (_, slot) => slot as Slot);
    const memory = { rx: this.#table, slots, slotBytes: SLOT_BYTES };
    this.engine = engineOf(configOf(host, around.model), memory, () => random.u32());
  }

  /** A packet for this host alone, which arrives at `at`: a control packet, or a run of one DATA packet. */
  receive(packet: Uint8Array | DataRun, at: number): void {
    if (!this.#isLost()) this.#inbox.push({ at, packet });
  }

  /** One turn of the engine's thread. Returns when the next one is wanted. */
  run(now: number): number {
    this.#accept(now);
    const packets = this.#takePackets(now) + this.#takeInbox(now);
    while (this.#replies[0] !== undefined && this.#replies[0].at <= now) {
      const { reply } = this.#replies.shift() as { reply: StageReply };
      this.engine.onStage(reply, now as Micros);
      this.#drain(now);
    }
    if (this.engine.deadline() <= now) {
      this.engine.onTimeout(now as Micros);
      this.#drain(now);
    }
    this.busyUntil = now + this.#around.model.turnUs + packets * this.#packetUs;
    return Math.ceil(Math.max(this.busyUntil, this.#wanted()));
  }

  /** When something is to be done. */
  #wanted(): number {
    let at: number = this.engine.deadline();
    if (this.#socket.length > 0) return 0;
    for (const reply of this.#replies) at = Math.min(at, reply.at);
    for (const one of this.#inbox) at = Math.min(at, one.at);
    return Math.min(at, this.#nextArrival() + this.#around.model.interruptUs);
  }

  #nextArrival(): number {
    const passage = this.#around.ports.entry(this.cursor);
    if (passage === undefined) return NEVER;
    const { at, gapUs, delayUs } = passage;
    const delay = delayUs?.[this.host] ?? 0;
    return delay === NEVER ? at : at + delay + this.#arrived * gapUs;
  }

  /** Takes what has arrived until now into the socket's buffer, as far as it has room. */
  #accept(now: number): void {
    for (;;) {
      const passage = this.#around.ports.entry(this.cursor);
      if (passage === undefined) return;
      const delay = passage.delayUs?.[this.host] ?? 0;
      const skipped = passage.from === this.host || delay === NEVER;
      if (passage.at > now) return;
      const since = now - passage.at - delay;
      const arrived = skipped
        ? passage.count
        : Math.min(passage.count, Math.floor(since / passage.gapUs) + 1);
      if (delay === NEVER) this.#lose(passage, 0, passage.count);
      else if (!skipped && arrived > this.#arrived) this.#intoSocket(passage, this.#arrived, arrived);
      this.#arrived = Math.max(arrived, this.#arrived);
      if (this.#arrived < passage.count) return;
      this.cursor++;
      this.#arrived = 0;
    }
  }

  #intoSocket(passage: Passage, from: number, end: number): void {
    let at = from;
    while (at < end) {
      const whole = Math.min(end - at, this.#untilLoss);
      const room = Math.floor(this.#around.model.receiveBuffer / PACKET_CHARGE) - this.#packets;
      const kept = Math.min(whole, room);
      if (kept > 0) this.#socket.push({ passage, from: at, end: at + kept });
      this.#packets += kept;
      if (kept < whole) {
        this.#lose(passage, at + kept, at + whole);
        this.#around.totals.overrun += whole - kept;
      }
      at += whole;
      this.#untilLoss -= whole;
      if (this.#untilLoss > 0 || at === end) continue;
      this.#lose(passage, at, at + 1);
      this.#untilLoss = this.#drawLoss();
      at++;
    }
  }

  /** Counts what is lost of a passage, if it would have brought something. */
  #lose(passage: Passage, from: number, end: number): void {
    const { totals } = this.#around;
    const { run, lost } = passage;
    if (run === undefined) return;
    for (let at = from; at < end; at++) {
      if (!isMissing(this.#table, run, at)) continue;
      totals.lost++;
      totals.lostSomewhere += 1 - (lost[at] as number);
      lost[at] = 1;
    }
  }

  #takePackets(now: number): number {
    let packets = 0;
    let changed = false;
    let taken = 0;
    for (; taken < this.#socket.length && packets < BATCH; taken++) {
      const { passage, from, end } = this.#socket[taken] as Waiting;
      packets += end - from;
      if (passage.run !== undefined) {
        changed = takeRun(this.#table, passage.run, { from, end }) >= 0 || changed;
      } else if (passage.control !== undefined) {
        this.engine.onControl(passage.control.packet, passage.control.from, now as Micros);
        this.#drain(now);
      }
    }
    if (taken === this.#socket.length) this.#socket.length = 0;
    else this.#socket.splice(0, taken);
    this.#packets -= packets;
    if (changed) {
      this.engine.onReceived(now as Micros);
      this.#drain(now);
    }
    return packets;
  }

  #takeInbox(now: number): number {
    let packets = 0;
    while (this.#inbox[0] !== undefined && this.#inbox[0].at <= now) {
      const { packet } = this.#inbox.shift() as { packet: Uint8Array | DataRun };
      if (packet instanceof Uint8Array) this.engine.onControl(packet, addressOf(0), now as Micros);
      else if (takeRun(this.#table, packet, { from: 0, end: 1 }) >= 0) this.engine.onReceived(now as Micros);
      this.#drain(now);
      packets++;
    }
    return packets;
  }

  #drain(now: number): void {
    for (let output = this.engine.poll(); output !== undefined; output = this.engine.poll())
      this.#perform(output, now);
  }

  #perform(output: Output, now: number): void {
    if (output.kind === "control") this.#around.send(this.host, { ...output, now });
    else if (output.kind === "stage") this.#stage(output.request, now);
  }

  /** A disk that keeps nothing: all that was offered is wanted. */
  #stage(request: StageRequest, now: number): void {
    const { useBlockUs, flushUs, commitUs } = this.#around.model;
    const { key } = request;
    // One thread does one thing after the other.
    const reply = (afterUs: number, answer: StageReply) => {
      this.#stageFree = Math.max(this.#stageFree, now) + afterUs;
      this.#replies.push({ at: this.#stageFree, reply: answer });
    };
    switch (request.kind) {
      case "open":
        return void reply(100, { kind: "opened", key });
      case "block": {
        const { slot, block } = request;
        const used = { kind: "used", key, slot, block, good: true } as const;
        if (request.blockKind !== BlockKind.manifest) return void reply(useBlockUs, used);
        const need = { section: block, entries: 1, update: ALL, content: ALL };
        return void reply(useBlockUs, { ...used, need });
      }
      case "prepare":
        return void reply(flushUs, { kind: "prepared", key });
      case "commit":
        return void reply(commitUs, { kind: "committed", key });
      case "abort":
        return void reply(100, { kind: "closed", key });
    }
  }

  #isLost(): boolean {
    if (this.#untilLoss-- > 0) return false;
    this.#untilLoss = this.#drawLoss();
    return true;
  }

  /** How many packets arrive between two losses that are independent of each other. */
  #drawLoss(): number {
    const { lossPpm } = this.#around.model;
    if (lossPpm === 0) return NEVER;
    const uniform = (this.#prng.u32() + 1) / 0x1_0000_0001;
    return Math.floor(Math.log(uniform) / Math.log(1 - lossPpm / 1e6));
  }
}

/** The arena of the daemon (io/arena.ts); there are no bytes in the model. */
export const SLOTS = 896;
export const SLOT_BYTES = 320 << 10;
const ALL = Uint8Array.of(1);

/** Where a host is. */
export function addressOf(host: number): Address {
  return { ip: 0x0a00_0001 + host, port: 40_000 };
}

/** The configuration of a host's daemon. Node ids look random, as real ones do. */
export function configOf(host: number, model: LargeModel) {
  return {
    node: ((BigInt(Math.imul(host + 1, 0x9e37_79b1) >>> 0) << 32n) | BigInt(host + 1)) as NodeId,
    epoch: BigInt(host + 1),
    name: `host${host}`,
    version: "sim",
    group: "224.0.0.108:5000",
    mtu: 1_500,
    receiveBuffer: model.receiveBuffer,
    noReceive: false,
    noSend: false,
    rateLimit: undefined,
  };
}
