import type { Address } from "../../src/engine/ports.ts";
import { PacketType } from "../../src/wire/constants.ts";
import type { Prng } from "../support/prng.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Trace } from "./trace.ts";

/** A host's cable to the switch. Rates are in parts per million of packets, times in microseconds. */
export type LinkModel = {
  delayUs: number;
  jitterUs: number;
  /** Bytes a second out of the host; Infinity: no limit. */
  bytesPerSecond: number;
  /** Lost on the way out: nobody gets it. */
  lossOut: number;
  /** Lost on the way in: only this host misses it. */
  lossIn: number;
  /** Starts of bursts, in which everything on the way in is lost, and their longest duration. */
  burstIn: number;
  burstUs: number;
  duplicate: number;
  /** Overtaken by others: up to `reorderUs` later, out of order. */
  reorder: number;
  reorderUs: number;
  /** One bit flips. */
  corrupt: number;
  /** Seconds late. */
  late: number;
};

export const CLEAN_LINK: LinkModel = {
  delayUs: 30,
  jitterUs: 10,
  bytesPerSecond: 125_000_000,
  lossOut: 0,
  lossIn: 0,
  burstIn: 0,
  burstUs: 0,
  duplicate: 0,
  reorder: 0,
  reorderUs: 0,
  corrupt: 0,
  late: 0,
};

/** Who can be reached at one host at present. */
export type Endpoint = {
  /** Index of the host. */
  readonly host: number;
  readonly address: Address;
  /** A packet arrives at one of the two sockets. The bytes are shared: they must not be changed. */
  receive(packet: Uint8Array, from: Address, socket: "group" | "own"): void;
};

type Port = {
  link: LinkModel;
  readonly prng: Prng;
  endpoint: Endpoint | undefined;
  /** When the cable out of the host is free again. */
  freeAt: number;
  burstUntil: number;
  lastArrival: number;
  deaf: boolean;
  mute: boolean;
  side: number;
  /** DATA for this host alone does not reach it, as behind a firewall that only lets the group's port through. For good. */
  readonly closed: boolean;
  /** What a test keeps from this host. */
  loses: ((packet: Uint8Array) => boolean) | undefined;
};

type Flight = { readonly packet: Uint8Array; readonly from: Address; readonly to: Address | undefined };

/** A switch with one cable to each host. */
export class Network {
  readonly #queue: EventQueue;
  readonly #trace: Trace;
  readonly #ports: Port[] = [];
  /** Whether a sender hears its own multicast, as on one machine. */
  readonly #loop: boolean;
  packets = 0;
  readonly #listeners: ((packet: Uint8Array, from: number) => void)[] = [];

  constructor(options: {
    queue: EventQueue;
    trace: Trace;
    prng: Prng;
    hosts: number;
    link: (host: number) => LinkModel;
    closed: (host: number) => boolean;
    loop: boolean;
  }) {
    this.#queue = options.queue;
    this.#trace = options.trace;
    this.#loop = options.loop;
    for (let host = 0; host < options.hosts; host++) {
      this.#ports.push({
        link: options.link(host),
        prng: options.prng.fork(`link ${host}`),
        endpoint: undefined,
        freeAt: 0,
        burstUntil: 0,
        lastArrival: 0,
        deaf: false,
        mute: false,
        side: 0,
        closed: options.closed(host),
        loses: undefined,
      });
    }
  }

  attach(endpoint: Endpoint): void {
    this.#port(endpoint.host).endpoint = endpoint;
  }

  /** Somebody hears everything that is sent, before it is lost. */
  listen(listener: (packet: Uint8Array, from: number) => void): void {
    this.#listeners.push(listener);
  }

  attached(host: number): Endpoint | undefined {
    return this.#port(host).endpoint;
  }

  detach(host: number): void {
    this.#port(host).endpoint = undefined;
  }

  /** Hosts on different sides do not hear each other; deaf ones hear nothing, mute ones are not heard. */
  cut(host: number, cut: { readonly side?: number; readonly deaf?: boolean; readonly mute?: boolean }): void {
    const port = this.#port(host);
    port.side = cut.side ?? port.side;
    port.deaf = cut.deaf ?? port.deaf;
    port.mute = cut.mute ?? port.mute;
  }

  /** Packets for which `loses` is true do not reach this host from now on. */
  filter(host: number, loses: (packet: Uint8Array) => boolean): void {
    this.#port(host).loses = loses;
  }

  /** Every cable is as good as `link` says from now on. What is under way arrives all the same. */
  heal(link: LinkModel): void {
    for (const port of this.#ports)
      Object.assign(port, { link, deaf: false, mute: false, side: 0, burstUntil: 0 });
  }

  /** Microseconds until a packet sent now by `host` would leave it. */
  backlogUs(host: number): number {
    return Math.max(0, this.#port(host).freeAt - this.#queue.now);
  }

  /** Sends a packet, to the group if `to` is undefined. The bytes belong to the network from now on. */
  send(from: Endpoint, to: Address | undefined, packet: Uint8Array): void {
    const port = this.#port(from.host);
    const { link } = port;
    this.packets++;
    for (const listener of this.#listeners) listener(packet, from.host);
    this.#trace.note(
      this.#queue.now,
      from.host,
      packetWords(packet, to),
      () => `sends ${describe(packet)}${to === undefined ? "" : " to one"}`,
    );
    port.freeAt =
      Math.max(port.freeAt, this.#queue.now) + Math.ceil((packet.length * 1e6) / link.bytesPerSecond);
    if (port.mute || port.prng.chance(link.lossOut)) return;
    for (const receiver of this.#ports) {
      if (receiver.endpoint === undefined || receiver.side !== port.side || receiver.deaf) continue;
      if (to === undefined ? receiver === port && !this.#loop : !sameAddress(receiver.endpoint.address, to))
        continue;
      this.#toward(receiver, { packet, from: from.address, leavesAt: port.freeAt + link.delayUs, to });
    }
  }

  /** A packet from nowhere, straight to one host: what an attacker on the same network could do. */
  inject(host: number, packet: Uint8Array, from: Address): void {
    this.#trace.note(
      this.#queue.now,
      host,
      packetWords(packet, undefined),
      () => `is sent a forged ${describe(packet)}`,
    );
    this.#arrive(this.#port(host), { packet, from, to: undefined });
  }

  #toward(port: Port, flight: Flight & { readonly leavesAt: number }): void {
    const { link, prng } = port;
    const now = this.#queue.now;
    if (prng.chance(link.burstIn)) port.burstUntil = now + prng.below(link.burstUs);
    const lost = now < port.burstUntil || prng.chance(link.lossIn);
    const copies = (lost ? 0 : 1) + (prng.chance(link.duplicate) ? 1 : 0);
    for (let copy = 0; copy < copies; copy++) {
      const packet = prng.chance(link.corrupt) ? flipBit(flight.packet, prng) : flight.packet;
      const usual = flight.leavesAt + link.delayUs + prng.below(link.jitterUs + 1);
      let at = Math.max(usual, port.lastArrival);
      if (prng.chance(link.late)) at = usual + prng.between(500_000, 5_000_000);
      else if (prng.chance(link.reorder)) at = usual + prng.below(link.reorderUs + 1);
      else port.lastArrival = at;
      this.#queue.at(at, () => this.#arrive(port, { ...flight, packet }));
    }
  }

  #arrive(port: Port, { packet, from, to }: Flight): void {
    const { endpoint } = port;
    if (port.loses?.(packet) === true) return;
    if (port.closed && to !== undefined && packet[2] === PacketType.data) return;
    // A daemon that has been restarted has another port: what was meant for the old one is for nobody.
    if (endpoint === undefined || (to !== undefined && !sameAddress(endpoint.address, to))) return;
    endpoint.receive(packet, from, to === undefined ? "group" : "own");
  }

  #port(host: number): Port {
    const port = this.#ports[host];
    if (port === undefined) throw new Error("no such host");
    return port;
  }
}

function flipBit(packet: Uint8Array, prng: Prng): Uint8Array {
  const copy = packet.slice();
  const at = prng.below(copy.length);
  copy[at] = (copy[at] as number) ^ (1 << prng.below(8));
  return copy;
}

function sameAddress(a: Address, b: Address): boolean {
  return a.ip === b.ip && a.port === b.port;
}

/** Where a packet goes, and a hash of its bytes. */
function packetWords(packet: Uint8Array, to: Address | undefined): number[] {
  return [packet.length, to === undefined ? 0 : to.ip ^ to.port, Bun.hash.crc32(packet)];
}

const TYPE_NAMES: Readonly<Record<number, string>> = {
  1: "HELLO",
  2: "BYE",
  16: "OFFER",
  17: "REPORT",
  18: "REPORT_ACK",
  19: "DATA",
  20: "NAK",
  21: "STATUS",
  22: "SYNC",
  23: "COMMIT",
  24: "END",
  25: "QUERY",
  26: "VOUCH",
};

function describe(packet: Uint8Array): string {
  if (packet.length < 32) return `${packet.length} bytes`;
  const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
  const name = TYPE_NAMES[packet[2] as number] ?? `type ${packet[2]}`;
  const push = view.getUint32(20) === 0 ? "" : ` push ${view.getUint32(20)}`;
  if (name !== "DATA") return `${name}${push} (${packet.length} bytes)`;
  const repair = ((packet[3] as number) & 0x20) === 0 ? "" : " repair";
  return `DATA${push} block ${view.getUint32(24)} symbol ${packet[28]} of ${packet[29]}${repair}`;
}
