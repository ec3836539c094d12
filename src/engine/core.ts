import type { NodeId, PushId } from "../wire/brand.ts";
import { encode } from "../wire/codec.ts";
import type { SourceRequest, StageRequest } from "../wire/disk-port.ts";
import type { Message } from "../wire/messages.ts";
import type { Pacer } from "./pacer.ts";
import type { Address, EngineConfig, EngineEvent, EngineMemory, Output, Random } from "./ports.ts";
import type { RoundTrips } from "./round-trips.ts";
import type { SlotPool } from "./slots.ts";

/** What every part of the engine shares. */
export type Core = {
  readonly config: EngineConfig;
  readonly groupTag: number;
  readonly memory: EngineMemory;
  readonly random: Random;
  readonly slots: SlotPool;
  readonly pacer: Pacer;
  readonly roundTrips: RoundTrips;
  readonly out: Outbox;
  readonly counters: Counters;
  /** The interface's MTU, MTU_MIN or more. */
  mtu: number;
  /** How often a push of another node has begun, or ended, to switch this node's tree. */
  treeChanges: number;
};

/** Counts of things that happened since the start, by name. */
export class Counters {
  readonly #counts = new Map<string, number>();

  add(name: string, amount = 1): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + amount);
  }

  snapshot(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }
}

/** What the engine wants done, oldest first. */
export class Outbox {
  readonly #node: NodeId;
  readonly #groupTag: number;
  readonly #counters: Counters;
  #queue: Output[] = [];
  #head = 0;

  constructor(node: NodeId, groupTag: number, counters: Counters) {
    this.#node = node;
    this.#groupTag = groupTag;
    this.#counters = counters;
  }

  /** A control packet, to the whole group unless `to` is given. */
  send(push: PushId, message: Message, to?: Address): void {
    this.#counters.add(`sent ${message.type}`);
    const packet = encode({ node: this.#node, push }, this.#groupTag, message);
    this.#queue.push({ kind: "control", to, packet });
  }

  source(request: SourceRequest): void {
    this.#queue.push({ kind: "source", request });
  }

  stage(request: StageRequest): void {
    this.#queue.push({ kind: "stage", request });
  }

  event(event: EngineEvent): void {
    this.#queue.push({ kind: "event", event });
  }

  /** The oldest output, or undefined when all have been taken. */
  take(): Output | undefined {
    const output = this.#queue[this.#head];
    if (output === undefined) {
      this.#queue = [];
      this.#head = 0;
      return undefined;
    }
    this.#head++;
    return output;
  }
}

/** A random integer in 0..bound-1. */
export function randomBelow(random: Random, bound: number): number {
  return Math.floor((random() / 0x1_0000_0000) * bound);
}
