/** One connection, as the pool of all of them sees it. */
export type PoolMember = {
  /** Bytes that wait in this process: to be sent, or to be understood. */
  readonly heldBytes: number;
  /** When they became fewer last, or were none: milliseconds of any clock that goes forward. */
  readonly shrunkAt: number;
  /** Ends it at once; it leaves the pool. */
  drop(why: string): void;
};

/** Consoles at once. */
export const CONSOLES_MAX = 256;
/** What all connections together may hold. */
export const HELD_BYTES_MAX = 64 << 20;
/** What the commands that run may have in all; short ones do not count. */
export const COMMAND_BYTES_MAX = 64 << 20;
const shortCommandBytes = 4 << 10;
/** Whoever holds no more than his share is never the one to go. */
const shareBytes = HELD_BYTES_MAX / CONSOLES_MAX;

/**
 * All consoles of a daemon, whichever socket they came by. What clients leave unread, or send faster than it can be done, is memory of this
 * process: when it is too much, the one goes whose part has not become less for the longest time. What they have running is memory, too, and there
 * is no more of it than can be afforded.
 */
export class ConsolePool {
  readonly #members = new Set<PoolMember>();
  readonly #held = new Map<PoolMember, number>();
  #heldBytes = 0;
  #commandBytes = 0;

  /** Bytes that all of them hold. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Whether there are as many as there may be. */
  get full(): boolean {
    return this.#members.size >= CONSOLES_MAX;
  }

  /** Lets a connection in; the pool is not full. */
  enter(member: PoolMember): void {
    this.#members.add(member);
  }

  leave(member: PoolMember): void {
    if (!this.#members.delete(member)) return;
    this.#heldBytes -= this.#held.get(member) ?? 0;
    this.#held.delete(member);
  }

  /** To be told when a member holds more or less than before. May drop one, also this one. */
  changed(member: PoolMember): void {
    if (!this.#members.has(member)) return;
    this.#heldBytes += member.heldBytes - (this.#held.get(member) ?? 0);
    this.#held.set(member, member.heldBytes);
    while (this.#heldBytes > HELD_BYTES_MAX) {
      const slowest = this.#slowest();
      if (slowest === undefined) return;
      this.leave(slowest);
      slowest.drop("it does not read what it asked for, or asks faster than it can be answered");
    }
  }

  /** Counts a command of so many bytes until the returned function is called; undefined: there is no room for it now. */
  hold(bytes: number): (() => void) | undefined {
    const counted = bytes <= shortCommandBytes ? 0 : bytes;
    if (this.#commandBytes + counted > COMMAND_BYTES_MAX) return undefined;
    this.#commandBytes += counted;
    let held = counted;
    return () => {
      this.#commandBytes -= held;
      held = 0;
    };
  }

  #slowest(): PoolMember | undefined {
    let slowest: PoolMember | undefined;
    for (const [member, bytes] of this.#held) {
      if (bytes <= shareBytes) continue;
      if (slowest === undefined || member.shrunkAt < slowest.shrunkAt) slowest = member;
    }
    return slowest;
  }
}
