import type { Address } from "../../../src/engine/ports.ts";
import { type LargeModel, lineBytes } from "./model.ts";
import type { DataRun } from "./run-intake.ts";

/** What reaches the group's sockets: one control packet, or a run of DATA packets one after the other. */
export type Passage = {
  readonly from: number;
  /** When the first of them has arrived at a host whose port is free, and the time from one to the next. */
  readonly at: number;
  readonly gapUs: number;
  readonly count: number;
  readonly control: { readonly packet: Uint8Array; readonly from: Address } | undefined;
  readonly run: DataRun | undefined;
  /** By port, how much later it comes there; Infinity: the port's queue was full. Undefined: nowhere later. */
  readonly delayUs: Float64Array | undefined;
  /** Which of its packets somebody has lost who missed them. */
  readonly lost: Uint8Array;
};

/** Most DATA packets of one passage: what a host hands its card in one piece. */
const PASSAGE_PACKETS = 64;

/**
 * A switch that stores and forwards, with one port for each host. Multicast goes into one log that all hosts read, each at its own pace: what one
 * port adds to it is a delay. Each port, in each direction, passes one packet at a time.
 */
export class Switch {
  /** What was sent to the group; entry number n is `log[n - dropped]`. */
  #log: Passage[] = [];
  #dropped = 0;
  readonly #model: LargeModel;
  /** When each host's cable to the switch is free, and each port of the switch towards the host. */
  readonly #outFree: Float64Array;
  readonly #inFree: Float64Array;
  /** Packets lost since a port's queue was full. */
  overflowed = 0;

  constructor(model: LargeModel) {
    this.#model = model;
    this.#outFree = new Float64Array(model.receivers + 1);
    this.#inFree = new Float64Array(model.receivers + 1);
  }

  /** Number of the entry that comes next. */
  get end(): number {
    return this.#dropped + this.#log.length;
  }

  entry(index: number): Passage | undefined {
    return this.#log[index - this.#dropped];
  }

  /** Forgets the entries below `index`. */
  forget(index: number): void {
    if (index - this.#dropped < 1_024) return;
    this.#log = this.#log.slice(index - this.#dropped);
    this.#dropped = index;
  }

  /** Microseconds until a packet sent now by `host` would leave it. */
  backlogUs(host: number, now: number): number {
    return Math.max(0, (this.#outFree[host] as number) - now);
  }

  /** A control packet to the group. Returns when it arrives where nothing is in its way. */
  multicast(
    host: number,
    sent: { readonly packet: Uint8Array; readonly from: Address; readonly now: number },
  ): number {
    const { packet, from, now } = sent;
    const lineUs = this.#lineUs(packet.length);
    return this.#append({ host, lineUs, now, count: 1, control: { packet, from }, run: undefined });
  }

  /** A send row's DATA packets, each of `packetBytes`. Returns when the first arrives. */
  sendRun(host: number, run: DataRun, sent: { readonly packetBytes: number; readonly now: number }): number {
    const lineUs = this.#lineUs(sent.packetBytes);
    let first = Number.POSITIVE_INFINITY;
    for (let from = 0; from < run.count; from += PASSAGE_PACKETS) {
      const count = Math.min(PASSAGE_PACKETS, run.count - from);
      const isLast = from + count === run.count;
      const flags = isLast ? run.flags : run.flags & ~0x40;
      const part = { ...run, first: run.first + from, count, flags, sequence: run.sequence + from };
      const at = this.#append({ host, lineUs, now: sent.now, count, control: undefined, run: part });
      first = Math.min(first, at);
    }
    return first;
  }

  /** A packet to one host: when it arrives there; undefined: the port's queue is full. */
  unicast(
    from: number,
    to: number,
    sent: { readonly bytes: number; readonly now: number },
  ): number | undefined {
    const lineUs = this.#lineUs(sent.bytes);
    const there = this.#leave(from, lineUs, sent.now) + this.#model.latencyUs;
    const delay = this.#queue(to, { at: there + lineUs, lineUs, lastsUs: lineUs });
    return delay === Number.POSITIVE_INFINITY ? undefined : there + lineUs + delay;
  }

  #append(sent: {
    readonly host: number;
    readonly lineUs: number;
    readonly now: number;
    readonly count: number;
    readonly control: Passage["control"];
    readonly run: DataRun | undefined;
  }): number {
    const { host, lineUs, count, control, run } = sent;
    // The first packet has left the host, been stored, and been forwarded; the others follow at the line's rate.
    const left = this.#leave(host, lineUs * count, sent.now) - lineUs * (count - 1);
    const at = left + this.#model.latencyUs + lineUs;
    let delayUs: Float64Array | undefined;
    for (let port = 0; port < this.#inFree.length; port++) {
      if (port === host) continue;
      const delay = this.#queue(port, { at, lineUs, lastsUs: lineUs * count });
      if (delay === 0) continue;
      delayUs ??= new Float64Array(this.#inFree.length);
      delayUs[port] = delay;
      if (delay === Number.POSITIVE_INFINITY) this.overflowed += count;
    }
    const lost = run === undefined ? NOTHING_LOST : new Uint8Array(count);
    this.#log.push({ from: host, at, gapUs: lineUs, count, control, run, delayUs, lost });
    return at;
  }

  /** Puts so much time of the line behind what `host` is sending; returns when the last bit has left. */
  #leave(host: number, lineUs: number, now: number): number {
    const left = Math.max(this.#outFree[host] as number, now) + lineUs;
    this.#outFree[host] = left;
    return left;
  }

  /** Puts packets, the first of which would have arrived at `at`, behind what waits for a port; returns by how much that delays them. */
  #queue(
    port: number,
    packets: { readonly at: number; readonly lineUs: number; readonly lastsUs: number },
  ): number {
    const { at, lineUs, lastsUs } = packets;
    const delay = Math.max(0, (this.#inFree[port] as number) - (at - lineUs));
    if (delay * this.#model.portBitsPerSecond > this.#model.portQueueBytes * 8e6)
      return Number.POSITIVE_INFINITY;
    this.#inFree[port] = at - lineUs + delay + lastsUs;
    // What rounding leaves is no queue.
    return delay < 1e-6 ? 0 : delay;
  }

  #lineUs(udpBytes: number): number {
    return (lineBytes(udpBytes) * 8e6) / this.#model.portBitsPerSecond;
  }
}

const NOTHING_LOST = new Uint8Array(1);
