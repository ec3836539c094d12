import type { Micros, NodeId } from "../wire/brand.ts";
import { BASE_MEMORY_US, MEMBERS_MAX } from "./tuning.ts";

/**
 * The smallest round trip to each member, over all pushes of a node. Without it the second of two pushes would take the queue that the first one makes
 * for a part of the way, add its own to it, and get the greater part of the link (the latecomer's advantage of all controls that look at delay).
 */
export class RoundTrips {
  /** Oldest first, as a Map keeps them. */
  readonly #least = new Map<NodeId, { readonly us: number; readonly at: Micros }>();

  /** The smallest of a member's round trips, `us` included, of the last while. */
  least(node: NodeId, us: number, now: Micros): number {
    const known = this.#least.get(node);
    if (known !== undefined && known.us <= us && now - known.at < BASE_MEMORY_US) return known.us;
    this.#least.delete(node);
    this.#least.set(node, { us, at: now });
    for (const oldest of this.#least.keys()) {
      if (this.#least.size <= MEMBERS_MAX) break;
      this.#least.delete(oldest);
    }
    return us;
  }
}
