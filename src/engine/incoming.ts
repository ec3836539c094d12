import type { Micros, NodeId } from "../wire/brand.ts";
import { RefuseReason } from "../wire/constants.ts";
import type { PushKey, StageReply } from "../wire/disk-port.ts";
import type { Message, Offer, Origin } from "../wire/messages.ts";
import { type Core, randomBelow } from "./core.ts";
import type { Membership } from "./membership.ts";
import { Remembered } from "./memory.ts";
import { keyText } from "./names.ts";
import type { Address, EngineStatus } from "./ports.ts";
import { Receiver } from "./receiver.ts";
import { refusal } from "./refusal.ts";
import { OFFER_KEPT_US, VOUCH_SPREAD_US } from "./tuning.ts";

type Heard = { readonly from: Address; readonly now: Micros };

/** All pushes that this node receives, and what it remembers of those that have ended. */
export class Incoming {
  readonly #core: Core;
  readonly #membership: Membership;
  readonly #receivers = new Map<string, Receiver>();
  readonly #freeContexts: number[];
  /** Ended pushes: whether this node has switched for them. */
  readonly #ended = new Remembered<boolean>();
  /** Offers that wait for room: since when. */
  readonly #kept = new Remembered<Micros>();
  /** Answers to QUERY that wait for their time, or have been given lately, by this node or another. */
  readonly #vouches = new Map<
    string,
    { readonly key: PushKey; readonly at: Micros; readonly sent: boolean }
  >();
  #stopping = false;

  constructor(core: Core, membership: Membership, contexts: number) {
    this.#core = core;
    this.#membership = membership;
    this.#freeContexts = Array.from({ length: contexts }, (_, index) => contexts - 1 - index);
  }

  get idle(): boolean {
    return this.#receivers.size === 0;
  }

  /** Whether an owner waits for what this node says of the DATA that comes. */
  get awaited(): boolean {
    for (const receiver of this.#receivers.values()) if (receiver.awaited) return true;
    return false;
  }

  onMessage(origin: Origin, message: Message, heard: Heard): void {
    const { from, now } = heard;
    if (message.type === "nak") return this.#onNak(origin, message, now);
    if (message.type === "query") return this.#onQuery(origin, message.owner, now);
    if (message.type === "vouch") return this.#onVouch(origin, message.owner, now);
    if (message.type === "offer") return this.#onOffer(origin, message, heard);
    const receiver = this.#find(origin.node, origin);
    if (receiver === undefined) return;
    const self = this.#core.config.node;
    switch (message.type) {
      case "reportAck":
        if (message.receiver === self) receiver.onReportAck(message.next, now);
        break;
      case "sync":
        receiver.onSync(message, now);
        break;
      case "commit":
        if (message.ids.includes(self)) receiver.onCommit();
        break;
      case "end":
        if (message.ids.length === 0 || message.ids.includes(self)) receiver.close();
        break;
      default:
        return;
    }
    receiver.touch(from, now);
  }

  onReceived(now: Micros): void {
    for (const receiver of this.#receivers.values()) receiver.onReceived(now);
  }

  onStage(reply: StageReply, now: Micros): void {
    const receiver = this.#receivers.get(keyText(reply.key));
    const before = receiver?.switched;
    receiver?.onStage(reply, now);
    if (receiver === undefined || receiver.switched === before) return;
    for (const other of this.#receivers.values()) if (other !== receiver) other.overtake();
  }

  /** The node has left the group or died: what it was sending is over. */
  onGone(node: NodeId, now: Micros): void {
    for (const receiver of this.#receivers.values()) {
      if (receiver.key.owner === node) receiver.ownerGone(now);
    }
  }

  stop(): void {
    this.#stopping = true;
    for (const receiver of this.#receivers.values()) receiver.close();
  }

  onTimeout(now: Micros): void {
    for (const receiver of this.#receivers.values()) receiver.onTimeout(now);
    for (const [text, vouch] of this.#vouches) {
      if (!vouch.sent && now >= vouch.at) {
        this.#core.out.send(vouch.key.push, { type: "vouch", owner: vouch.key.owner });
        this.#vouches.set(text, { ...vouch, sent: true });
      }
      if (now >= vouch.at + VOUCH_SPREAD_US) this.#vouches.delete(text);
    }
  }

  deadline(): Micros {
    let earliest = Number.POSITIVE_INFINITY;
    for (const receiver of this.#receivers.values()) earliest = Math.min(earliest, receiver.deadline());
    for (const { sent, at } of this.#vouches.values())
      earliest = Math.min(earliest, sent ? at + VOUCH_SPREAD_US : at);
    return earliest as Micros;
  }

  /** Forgets what is closed. */
  collect(now: Micros): void {
    for (const [text, receiver] of this.#receivers) {
      // A stopping node has told its owner with BYE; nobody is left to vouch for.
      if (this.#stopping && (receiver.state === "done" || receiver.state === "failed")) receiver.close();
      if (receiver.state !== "closed") continue;
      this.#receivers.delete(text);
      this.#freeContexts.push(receiver.context);
      this.#core.slots.give(receiver.slots);
      this.#ended.set(text, receiver.switched, now);
    }
  }

  /** Pushes that are under way; one that is merely remembered, to answer late questions, is not. */
  status(nameOf: (node: NodeId) => string): EngineStatus["receiving"] {
    const over: readonly string[] = ["done", "closing", "closed"];
    return [...this.#receivers.values()]
      .filter(({ state }) => !over.includes(state))
      .map(({ key, state, blocks }) => ({ owner: nameOf(key.owner), push: key.push, state, blocks }));
  }

  #find(owner: NodeId, origin: Origin): Receiver | undefined {
    return this.#receivers.get(keyText({ owner, push: origin.push }));
  }

  #onOffer(origin: Origin, offer: Offer, { from, now }: Heard): void {
    const key: PushKey = { owner: origin.node, push: origin.push };
    const text = keyText(key);
    const known = this.#receivers.get(text);
    if (known !== undefined) return known.touch(from, now);
    if (!offer.ids.includes(this.#core.config.node) || this.#ended.get(text, now) !== undefined) return;
    const refused = this.#stopping
      ? { reason: RefuseReason.other, text: "stopping" }
      : refusal(this.#core, offer);
    const slots =
      refused === undefined && this.#freeContexts.length > 0
        ? this.#core.slots.take({
            targets: this.#targets(offer),
            blockBytes: offer.symbolSize * offer.blockSymbols,
          })
        : undefined;
    const context = slots === undefined ? undefined : this.#freeContexts.pop();
    if (slots === undefined || context === undefined) {
      if (refused === undefined && this.#mayWait(text, now) && this.#makesRoom(key.owner, now)) return;
      const why = refused ?? { reason: RefuseReason.busy, text: "busy with other pushes" };
      const records = [{ kind: "refuse", ...why }] as const;
      // Nothing is remembered: the offer is repeated until this has arrived.
      this.#core.out.send(key.push, { type: "report", owner: key.owner, first: 0, records }, from);
      return;
    }
    this.#receivers.set(text, new Receiver(this.#core, key, { offer, from, grant: { context, slots }, now }));
  }

  /** How many targets a push can really have: an OFFER that claims more members than are known must not set memory aside for them. */
  #targets(offer: Offer): number {
    return Math.min(offer.targets, this.#membership.size + 1);
  }

  /** Whether an offer, which is repeated, may stay without an answer: not so long that its owner would take this node for lost. */
  #mayWait(text: string, now: Micros): boolean {
    const since = this.#kept.get(text, now);
    if (since === undefined) this.#kept.set(text, now, now);
    return since === undefined || now - since < OFFER_KEPT_US;
  }

  /**
   * Whether there may be room for one more push of `owner` soon. Where an END was lost, the oldest push that is over here ends without; or else one that
   * its owner, which is heard with another, has not spoken of for so long that it must be over there.
   */
  #makesRoom(owner: NodeId, now: Micros): boolean {
    const receivers = [...this.#receivers.values()];
    if (receivers.some(({ state }) => state === "closing" || state === "closed")) return true;
    const left = (receiver: Receiver) =>
      receiver.key.owner === owner && receiver.state === "receiving" && receiver.owner.abandoned(now);
    const over = receivers.find(({ told }) => told) ?? receivers.find(left);
    over?.close();
    return over !== undefined || receivers.some((receiver) => receiver.owner.forlorn(now));
  }

  #onNak(origin: Origin, nak: Message & { readonly type: "nak" }, now: Micros): void {
    this.#find(nak.owner, origin)?.onHeard(nak.blocks, now);
  }

  /** Answered to the group after a random delay, unless another member's answer comes first (PROTOCOL §8.4). */
  #onQuery(origin: Origin, owner: NodeId, now: Micros): void {
    const key: PushKey = { owner, push: origin.push };
    const text = keyText(key);
    const decided = this.#receivers.get(text)?.decided ?? this.#ended.get(text, now) ?? false;
    if (!decided || this.#vouches.has(text)) return;
    const at = (now + randomBelow(this.#core.random, VOUCH_SPREAD_US)) as Micros;
    this.#vouches.set(text, { key, at, sent: false });
  }

  #onVouch(origin: Origin, owner: NodeId, now: Micros): void {
    this.#find(owner, origin)?.onVouch();
    const text = keyText({ owner, push: origin.push });
    const waiting = this.#vouches.get(text);
    if (waiting !== undefined) this.#vouches.set(text, { ...waiting, at: now, sent: true });
  }
}
