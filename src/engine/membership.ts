import type { Micros, NodeId, PushId } from "../wire/brand.ts";
import type { Hello } from "../wire/messages.ts";
import { type Core, randomBelow } from "./core.ts";
import { HelloMemo } from "./hello-memo.ts";
import { ipText } from "./names.ts";
import type { Address, MemberInfo } from "./ports.ts";
import {
  ANNOUNCE_AT_US,
  END_COPIES,
  EXPIRY_INTERVALS,
  HELLO_ANSWER_US_MIN,
  HELLO_INTERVAL_US_MIN,
  HELLO_SPACING_US,
  MEMBERS_MAX,
  SETTLE_US,
  TOGETHER_INTERVALS,
  TOGETHER_MEMBERS_MAX,
} from "./tuning.ts";

const NO_PUSH = 0 as PushId;

export type Member = MemberInfo & {
  readonly epoch: bigint;
  readonly mtu: number;
  lastHeard: Micros;
};

/** Who is in the group (PROTOCOL §4). Knows every other live member; never this node itself. */
export class Membership {
  readonly #core: Core;
  readonly #members = new Map<NodeId, Member>();
  /** Who was last heard under each name. */
  readonly #names = new Map<string, NodeId>();
  /** The members by host, as `placeOf` names them. */
  readonly #places = new Map<string, Member>();
  readonly #memo = new HelloMemo<Member>();
  #startedAt: Micros | undefined;
  #announced = 0;
  #helloDue = 0 as Micros;
  #lastHello = Number.NEGATIVE_INFINITY as Micros;
  /** No member expires before this: a lower bound, since a packet only moves an expiry later. */
  #expiryCheck = Number.POSITIVE_INFINITY as Micros;

  constructor(core: Core) {
    this.#core = core;
  }

  get(node: NodeId): Member | undefined {
    return this.#members.get(node);
  }

  /** Members known, without this node. */
  get size(): number {
    return this.#members.size;
  }

  all(): readonly Member[] {
    return [...this.#members.values()];
  }

  /** The time from which the answers to the first announcement can be relied on. */
  settledAt(): Micros {
    if (this.#startedAt === undefined) return Number.POSITIVE_INFINITY as Micros;
    // Answers are spread by the size of the group, of which those that have come tell.
    return (this.#startedAt + Math.max(SETTLE_US, 1.25 * this.#members.size * HELLO_SPACING_US)) as Micros;
  }

  /** Takes in a HELLO; returns members that it shows to be dead (a restarted daemon has a new id). */
  onHello(node: NodeId, hello: Hello, from: Address, now: Micros): readonly NodeId[] {
    const before = this.#members.get(node);
    const known = before !== undefined;
    if (!known && this.#members.size >= MEMBERS_MAX) {
      this.#core.counters.add("drop members");
      return [];
    }
    const { name, version, epoch, mtu, noReceive, noSend } = hello;
    const rival = this.#places.get(placeOf(name, from));
    const restarted = rival !== undefined && rival.node !== node;
    if (restarted && rival.epoch > epoch) {
      // What a daemon said before it was started again has come late.
      this.#core.counters.add("drop epoch");
      return [];
    }
    const member: Member = {
      node,
      name,
      version,
      epoch,
      mtu,
      noReceive,
      noSend,
      address: from,
      lastHeard: now,
    };
    const place = placeOf(name, from);
    if (known) this.#memo.forget(node);
    if (before !== undefined && placeOf(before.name, before.address) !== place) this.#remove(before);
    this.#members.set(node, member);
    this.#places.set(place, member);
    this.#expiryCheck = Math.min(this.#expiryCheck, now + this.#expiryUs()) as Micros;
    if (!known) this.#tellJoin(member);
    this.#names.set(name, node);
    if (hello.solicit) this.#answer(now);
    else this.#join(now);
    // A daemon that was killed and started again must not be waited for under its old id (PROTOCOL §1.4).
    if (!restarted || rival.epoch === epoch) return [];
    this.#remove(rival);
    return [rival.node];
  }

  /** After `onHello`: the packet that it came in. A solicit is not looked for again, it has to be answered. */
  remember(node: NodeId, packet: Uint8Array, hello: Hello): void {
    const member = this.#members.get(node);
    if (member !== undefined && !hello.solicit) this.#memo.keep(packet, member.address, member);
  }

  /** Takes in a packet that is, byte for byte, the last HELLO of a member; false if it is something else. */
  onRepeat(packet: Uint8Array, from: Address, now: Micros): boolean {
    const member = this.#memo.find(packet, from);
    // Two nodes of one host and one epoch take turns in being its member.
    if (member === undefined || this.#names.get(member.name) !== member.node) return false;
    member.lastHeard = now;
    this.#expiryCheck = Math.min(this.#expiryCheck, now + this.#expiryUs()) as Micros;
    this.#join(now);
    return true;
  }

  /** Takes in a BYE; returns whether the node was a member. */
  onBye(node: NodeId, epoch: bigint): boolean {
    const member = this.#members.get(node);
    if (member === undefined || member.epoch !== epoch) return false;
    this.#remove(member);
    this.#log(3, `member ${member.name} has left`);
    return true;
  }

  /** Any packet shows that its sender lives. */
  touch(node: NodeId, now: Micros): void {
    const member = this.#members.get(node);
    if (member !== undefined) member.lastHeard = now;
  }

  /** Sends HELLO when it is due; returns the members that have expired. */
  onTimeout(now: Micros): readonly NodeId[] {
    this.#startedAt ??= now;
    if (now >= this.#helloDue) this.#hello(now, this.#announced < ANNOUNCE_AT_US.length);
    return now >= this.#expiryCheck ? this.#expire(now) : [];
  }

  deadline(): Micros {
    return Math.min(this.#helloDue, this.#expiryCheck) as Micros;
  }

  /** Says goodbye; lost copies only delay the others until expiry. */
  leave(): void {
    for (let copy = 0; copy < END_COPIES; copy++) {
      this.#core.out.send(NO_PUSH, { type: "bye", epoch: this.#core.config.epoch });
    }
  }

  /** What HELLO says has changed: it is due. */
  announce(now: Micros): void {
    this.#helloDue = Math.min(this.#helloDue, now) as Micros;
  }

  #hello(now: Micros, solicit: boolean): void {
    const { epoch, name, version, noReceive, noSend } = this.#core.config;
    const { mtu } = this.#core;
    this.#core.out.send(NO_PUSH, { type: "hello", epoch, solicit, noReceive, noSend, mtu, name, version });
    this.#lastHello = now;
    if (solicit) this.#announced++;
    const next = ANNOUNCE_AT_US[this.#announced];
    if (next !== undefined && this.#startedAt !== undefined) {
      this.#helloDue = (this.#startedAt + next) as Micros;
      return;
    }
    const interval = this.#intervalUs();
    this.#helloDue = (now + interval * 0.8 + randomBelow(this.#core.random, interval * 0.4)) as Micros;
  }

  /** One answer serves all who asked meanwhile, and answers keep their distance, so the group's total stays bounded. */
  #answer(now: Micros): void {
    const spread = Math.max(HELLO_ANSWER_US_MIN, this.#members.size * HELLO_SPACING_US);
    const wanted = now + randomBelow(this.#core.random, spread);
    const allowed = this.#lastHello + spread;
    this.#helloDue = Math.min(this.#helloDue, Math.max(wanted, allowed)) as Micros;
  }

  /**
   * In a small group a HELLO is followed at once by those of the others: a processor is woken once for all of them. In a large one they would
   * be too many at a time.
   */
  #join(now: Micros): void {
    if (this.#members.size > TOGETHER_MEMBERS_MAX || this.#announced < ANNOUNCE_AT_US.length) return;
    if (now - this.#lastHello < this.#intervalUs() * TOGETHER_INTERVALS) return;
    this.#helloDue = Math.min(this.#helloDue, now) as Micros;
  }

  #remove(member: Member): void {
    this.#members.delete(member.node);
    this.#memo.forget(member.node);
    const place = placeOf(member.name, member.address);
    if (this.#places.get(place) === member) this.#places.delete(place);
    if (this.#names.get(member.name) === member.node) this.#names.delete(member.name);
  }

  #expire(now: Micros): readonly NodeId[] {
    const patience = this.#expiryUs();
    const dead: Member[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const member of this.#members.values()) {
      if (now - member.lastHeard >= patience) dead.push(member);
      else next = Math.min(next, member.lastHeard + patience);
    }
    this.#expiryCheck = next as Micros;
    for (const member of dead) {
      this.#log(2, `member ${member.name} is silent, taken for dead`);
      this.#remove(member);
    }
    return dead.map((member) => member.node);
  }

  #intervalUs(): number {
    return Math.max(HELLO_INTERVAL_US_MIN, (this.#members.size + 1) * HELLO_SPACING_US);
  }

  #expiryUs(): number {
    return this.#intervalUs() * EXPIRY_INTERVALS;
  }

  /** Two hosts of one name are a mistake that makes lines and targets ambiguous. */
  #tellJoin({ node, name, address }: Member): void {
    this.#log(3, `member ${name} has joined`);
    const last = this.#names.get(name);
    const namesake = last === undefined || last === node ? undefined : this.#members.get(last);
    if (namesake?.name !== name || namesake.address.ip === address.ip) return;
    this.#log(
      1,
      `two members have the name ${name}: ${ipText(namesake.address.ip)} and ${ipText(address.ip)}`,
    );
  }

  #log(level: number, text: string): void {
    this.#core.out.event({ kind: "log", level, text });
  }
}

/** Two members with one name and one IP address are two lives of one daemon (PROTOCOL §1.4). */
function placeOf(name: string, address: Address): string {
  return `${address.ip} ${name}`;
}
