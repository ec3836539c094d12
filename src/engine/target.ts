import { assert, type BlockIndex, type Micros, type NodeId } from "../wire/brand.ts";
import type { RemovalsTold } from "./answers.ts";
import { Delegates } from "./delegates.ts";
import { newTargetFlight, type TargetFlight } from "./flight.ts";
import { LeastTree } from "./least-tree.ts";
import type { Member } from "./membership.ts";
import type { Address, Outcome } from "./ports.ts";

/** One receiver of a push, as the owner sees it. */
export type Target = {
  readonly node: NodeId;
  readonly name: string;
  readonly address: Address;
  /** offered: not answered yet; live: takes part; prepared: waits for the commit; ended: has its outcome. */
  phase: "offered" | "live" | "prepared" | "ended";
  outcome: Outcome | undefined;
  /** When the last packet of it came. */
  heard: Micros;
  /** When it last got on, or was last waiting for others. */
  progressAt: Micros;
  /** When it last asked for what it had missed. */
  askedAt: Micros;
  /** Number of the next record of its report (PROTOCOL §6.2). */
  reportNext: number;
  flight: TargetFlight;
  /** Share of the packets that it has lost lately, and what it had seen and received when that was last reckoned. */
  loss: number;
  lossSeen: number;
  lossReceived: number;
  /** From its STATUS (PROTOCOL §7.3). */
  next: BlockIndex;
  limit: BlockIndex;
  /** Manifest sections answered, and entries that would change. */
  answered: number;
  updates: number;
  /** What it has told of the names that it would remove. */
  removals: RemovalsTold | undefined;
  /** Whether the console has been told what it needs. */
  needTold: boolean;
  /** What it said when it failed, in words. */
  failure: string | undefined;
};

/** A member that has been offered the push and has not answered. */
export function newTarget(member: Member, now: Micros): Target {
  return {
    node: member.node,
    name: member.name,
    address: member.address,
    phase: "offered",
    outcome: undefined,
    heard: now,
    progressAt: now,
    askedAt: Number.NEGATIVE_INFINITY as Micros,
    reportNext: 0,
    flight: newTargetFlight(0),
    loss: 0,
    lossSeen: 0,
    lossReceived: 0,
    next: 0 as BlockIndex,
    limit: 0 as BlockIndex,
    answered: 0,
    updates: 0,
    removals: undefined,
    needTold: false,
    failure: undefined,
  };
}

/** Packets over which a target's loss is reckoned at least, and how much of what it was before stays. */
const LOSS_PACKETS_MIN = 256;
const LOSS_MEMORY = 0.75;

/** The targets of one push. What is asked for with every packet does not depend on how many there are. */
export class Targets {
  readonly #byNode: ReadonlyMap<NodeId, Target>;
  readonly #sorted: readonly Target[];
  readonly #places: ReadonlyMap<Target, number>;
  #live: readonly Target[] | undefined;
  #liveCount = 0;
  #chosen = false;
  readonly #next: LeastTree;
  readonly #limit: LeastTree;
  readonly #delegates: Delegates<Target>;
  /** Whether the delegates are those that were named last. */
  named = false;

  constructor(targets: readonly Target[]) {
    this.#byNode = new Map(targets.map((target) => [target.node, target]));
    this.#sorted = [...targets].sort((a, b) => (a.node < b.node ? -1 : 1));
    this.#places = new Map(this.#sorted.map((target, index) => [target, index]));
    this.#next = new LeastTree(targets.length);
    this.#limit = new LeastTree(targets.length);
    this.#delegates = new Delegates(targets.length);
  }

  get(node: NodeId): Target | undefined {
    return this.#byNode.get(node);
  }

  get size(): number {
    return this.#byNode.size;
  }

  /** All, ascending by node id, as lists of ids on the wire are. */
  all(): readonly Target[] {
    return this.#sorted;
  }

  /** Those that take part and have no outcome yet. */
  get live(): readonly Target[] {
    this.#live ??= this.#sorted.filter(isLive);
    return this.#live;
  }

  get liveCount(): number {
    return this.#liveCount;
  }

  /** Of those whose answers pace the flow. */
  get flights(): readonly TargetFlight[] {
    if (!this.#chosen) this.#choose();
    return this.#delegates.flights;
  }

  /** Who is asked to answer polls, ascending; none: everybody. Chosen anew with each call. */
  askedNow(): readonly NodeId[] {
    this.#choose();
    this.named = true;
    return this.#delegates.ids();
  }

  /** Ids of those in `phase`, ascending. */
  idsIn(phase: Target["phase"]): readonly NodeId[] {
    return this.#sorted.filter((target) => target.phase === phase).map((target) => target.node);
  }

  /** Changes a target's phase: no other way, since the live ones are counted. */
  setPhase(target: Target, phase: Target["phase"]): void {
    const was = isLive(target);
    target.phase = phase;
    if (was !== isLive(target)) {
      this.#liveCount += was ? -1 : 1;
      this.#live = undefined;
      this.#chosen = false;
      this.named = false;
    }
    this.onMoved(target);
  }

  /** Where in `all` a target is. */
  placeOf(target: Target): number {
    const place = this.#places.get(target);
    assert(place !== undefined, "target of another push");
    return place;
  }

  /** To be called when `next` or `limit` of a target has changed. */
  onMoved(target: Target): void {
    const place = this.placeOf(target);
    this.#next.set(place, isLive(target) ? target.next : Number.POSITIVE_INFINITY);
    this.#limit.set(place, isLive(target) ? target.limit : Number.POSITIVE_INFINITY);
  }

  /** To be called when a STATUS has changed a target's flight. */
  onFlight(target: Target): void {
    const seen = target.flight.seen - target.lossSeen;
    if (seen >= LOSS_PACKETS_MIN) {
      const lost = Math.max(0, 1 - (target.flight.received - target.lossReceived) / seen);
      target.loss = LOSS_MEMORY * target.loss + (1 - LOSS_MEMORY) * lost;
      target.lossSeen = target.flight.seen;
      target.lossReceived = target.flight.received;
    }
    this.#delegates.onStatus(target);
  }

  #choose(): void {
    this.#delegates.choose(this.live);
    this.#chosen = true;
  }

  /** The first block that some live target is not done with; `none` without live targets. */
  low(none: BlockIndex): BlockIndex {
    return this.#liveCount === 0 ? none : (this.#next.least as BlockIndex);
  }

  /** The first block for which some live target has no room. */
  limit(): BlockIndex {
    return (this.#liveCount === 0 ? 0 : this.#limit.least) as BlockIndex;
  }
}

function isLive({ phase }: Target): boolean {
  return phase === "live" || phase === "prepared";
}
