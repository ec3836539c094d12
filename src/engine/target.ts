import type { BlockIndex, Micros, NodeId } from "../wire/brand.ts";
import type { RemovalsTold } from "./answers.ts";
import { newTargetFlight, type TargetFlight } from "./flight.ts";
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
  /** Number of the next record of its report (PROTOCOL §6.2). */
  reportNext: number;
  flight: TargetFlight;
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
    reportNext: 0,
    flight: newTargetFlight(0),
    next: 0 as BlockIndex,
    limit: 0 as BlockIndex,
    answered: 0,
    updates: 0,
    removals: undefined,
    needTold: false,
    failure: undefined,
  };
}

/** The targets of one push. */
export class Targets {
  readonly #byNode: ReadonlyMap<NodeId, Target>;
  readonly #sorted: readonly Target[];
  #live: readonly Target[] = [];
  #flights: readonly TargetFlight[] = [];

  constructor(targets: readonly Target[]) {
    this.#byNode = new Map(targets.map((target) => [target.node, target]));
    this.#sorted = [...targets].sort((a, b) => (a.node < b.node ? -1 : 1));
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
    return this.#live;
  }

  get flights(): readonly TargetFlight[] {
    return this.#flights;
  }

  /** Ids of those in `phase`, ascending. */
  idsIn(phase: Target["phase"]): readonly NodeId[] {
    return this.#sorted.filter((target) => target.phase === phase).map((target) => target.node);
  }

  /** To be called after a phase has changed. */
  refresh(): void {
    this.#live = this.#sorted.filter((target) => target.phase === "live" || target.phase === "prepared");
    this.#flights = this.#live.map((target) => target.flight);
  }

  /** The first block that some live target is not done with; `none` without live targets. */
  low(none: BlockIndex): BlockIndex {
    return this.#least((target) => target.next, none);
  }

  /** The first block for which some live target has no room. */
  limit(): BlockIndex {
    return this.#least((target) => target.limit, 0 as BlockIndex);
  }

  #least(of: (target: Target) => BlockIndex, none: BlockIndex): BlockIndex {
    let least = Number.POSITIVE_INFINITY;
    for (const target of this.#live) least = Math.min(least, of(target));
    return (least === Number.POSITIVE_INFINITY ? none : least) as BlockIndex;
  }
}
