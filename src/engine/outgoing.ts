import type { Micros, NodeId, PushId } from "../wire/brand.ts";
import { EndReason, HEADER_BYTES, IP_UDP_BYTES, SYMBOLS_MAX } from "../wire/constants.ts";
import type { SourceReply } from "../wire/disk-port.ts";
import type { Message, Origin } from "../wire/messages.ts";
import { TX_ROW_WORDS } from "../wire/tx-row.ts";
import type { Core } from "./core.ts";
import type { Member, Membership } from "./membership.ts";
import { ipText } from "./names.ts";
import type { Address, Command, EngineStatus } from "./ports.ts";
import { Sender } from "./sender.ts";
import { newTarget } from "./target.ts";
import { SENDERS_MAX, WAITING_MAX } from "./tuning.ts";

/** Who gets a push, and who would but never receives. */
type Chosen = { readonly members: readonly Member[]; readonly readOnly: readonly string[] };
type PushCommand = Command & { readonly kind: "push" };

/** Larger packets than jumbo frames bring nothing, and the loopback interface would offer 64 KiB. */
const MTU_USED_MAX = 9_000;

/** All pushes that this node sends, those that wait for their turn, and what it remembers of those that have ended. */
export class Outgoing {
  readonly #core: Core;
  readonly #membership: Membership;
  readonly #senders = new Map<PushId, Sender>();
  #waiting: PushCommand[] = [];
  #nextPush: PushId;
  #turn = 0;
  #stopping = false;
  /** Whether the answers to the first announcement have had their time. */
  #settled = false;

  constructor(core: Core, membership: Membership) {
    this.#core = core;
    this.#membership = membership;
    this.#nextPush = core.random() as PushId;
  }

  get idle(): boolean {
    return this.#senders.size === 0;
  }

  add(command: PushCommand, now: Micros): void {
    if (this.#core.config.noSend) return this.#reject(command, "this server can't send");
    if (this.#stopping) return this.#reject(command, "this server is stopping");
    if (this.#waiting.length >= WAITING_MAX)
      return this.#reject(command, `more than ${WAITING_MAX} pushes are waiting`);
    this.#waiting.push(command);
    this.#start(now);
  }

  cancel(request: number, now: Micros): void {
    const waiting = this.#waiting.find((command) => command.request === request);
    if (waiting !== undefined) {
      this.#waiting = this.#waiting.filter((command) => command !== waiting);
      return this.#reject(waiting, "cancelled");
    }
    for (const sender of this.#senders.values()) {
      if (sender.order.request === request) sender.reject("cancelled", now);
    }
  }

  stop(now: Micros): void {
    this.#stopping = true;
    for (const command of this.#waiting) this.#reject(command, "this server is stopping");
    this.#waiting = [];
    for (const sender of this.#senders.values()) sender.reject("this server is stopping", now);
  }

  /** A message to this node as the owner of a push. */
  onMessage(origin: Origin, message: Message, heard: { readonly from: Address; readonly now: Micros }): void {
    const { from, now } = heard;
    const sender = this.#senders.get(origin.push);
    if (sender === undefined) return this.#answerLate(origin, message, from);
    sender.touch(origin.node, now);
    switch (message.type) {
      case "report":
        return sender.onReport(origin.node, message, heard);
      case "status":
        return sender.onStatus(origin.node, message, heard);
      case "nak":
        return sender.onNak(origin.node, message, now);
      case "query":
        return sender.onQuery(origin.node, from);
      default:
        return;
    }
  }

  onSource(reply: SourceReply, now: Micros): void {
    this.#senders.get(reply.key.push)?.onSource(reply, now);
  }

  /** Another node's push begins, or has ended, to switch this node's tree. */
  treeChanged(now: Micros): void {
    for (const sender of this.#senders.values()) sender.treeChanged(now);
  }

  onGone(node: NodeId, now: Micros): void {
    for (const sender of this.#senders.values()) sender.onGone(node, now);
  }

  /** The interface's MTU has changed: pushes with larger packets cannot go on. */
  onMtu(now: Micros): void {
    const { mtu } = this.#core;
    for (const sender of this.#senders.values()) {
      if (sender.order.symbolSize + HEADER_BYTES + IP_UDP_BYTES <= mtu) continue;
      sender.reject(`the interface's MTU has become ${mtu} meanwhile: push again`, now);
    }
  }

  onTimeout(now: Micros): void {
    this.#start(now);
    for (const sender of this.#senders.values()) sender.onTimeout(now);
  }

  deadline(): Micros {
    // What waits for slots or for another push to end needs no clock.
    const settling = this.#waiting.length > 0 && !this.#settled;
    let earliest: number = settling ? this.#membership.settledAt() : Number.POSITIVE_INFINITY;
    for (const sender of this.#senders.values()) earliest = Math.min(earliest, sender.deadline());
    return earliest as Micros;
  }

  /** Rows of all pushes in turn, so that one cannot starve another. */
  takeRows(rows: Uint32Array, rowsMax: number, now: Micros): number {
    const senders = [...this.#senders.values()];
    const turn = this.#turn;
    let count = 0;
    for (let tried = 0; tried < senders.length && count < rowsMax; tried++) {
      const sender = senders[(turn + tried) % senders.length];
      count += sender?.takeRows(rows, count * TX_ROW_WORDS, { rowsMax: rowsMax - count, now }) ?? 0;
    }
    // The turn passes on only when it was used.
    if (count > 0) this.#turn++;
    return count;
  }

  /** Forgets what is closed, and starts what has waited for it. */
  collect(now: Micros): void {
    for (const [push, sender] of this.#senders) {
      if (sender.state !== "closed") continue;
      this.#senders.delete(push);
      this.#core.slots.give(sender.slots);
    }
    this.#start(now);
  }

  /** Pushes that are under way; one whose END is merely being repeated is not. */
  status(): EngineStatus["sending"] {
    return [...this.#senders.values()]
      .filter((sender) => sender.state !== "ending" && sender.state !== "closed")
      .map((sender) => sender.status());
  }

  #start(now: Micros): void {
    this.#settled ||= now >= this.#membership.settledAt();
    while (this.#waiting.length > 0 && this.#settled && this.#senders.size < SENDERS_MAX) {
      const command = this.#waiting[0];
      if (command === undefined || !this.#core.slots.available) return;
      const chosen = this.#choose(command);
      if (typeof chosen === "string") {
        this.#reject(command, chosen);
      } else {
        const sizes = this.#sizes(chosen.members);
        const blockBytes = sizes.symbolSize * sizes.blockSymbols;
        const slots = this.#core.slots.take({ targets: chosen.members.length, blockBytes });
        if (slots === undefined) return;
        this.#open(command, chosen, { ...sizes, slots, now });
      }
      this.#waiting.shift();
    }
  }

  /** Symbols as large as every member takes them, and as many of them to a block as a slot holds. */
  #sizes(members: readonly Member[]): { readonly symbolSize: number; readonly blockSymbols: number } {
    let mtu = Math.min(MTU_USED_MAX, this.#core.mtu);
    for (const member of members) mtu = Math.min(mtu, member.mtu);
    const symbolSize = mtu - IP_UDP_BYTES - HEADER_BYTES;
    const blockSymbols = Math.min(SYMBOLS_MAX, Math.floor(this.#core.memory.slotBytes / symbolSize));
    return { symbolSize, blockSymbols };
  }

  #open(
    command: PushCommand,
    { members, readOnly }: Chosen,
    grant: { symbolSize: number; blockSymbols: number; slots: Sender["slots"]; now: Micros },
  ): void {
    const { symbolSize, blockSymbols, slots, now } = grant;
    const { request, selection, dryRun, names, task, progress } = command;
    const push = this.#nextPush;
    this.#nextPush = ((push + 1) >>> 0) as PushId;
    const key = { owner: this.#core.config.node, push };
    const sizes = { symbolSize, blockSymbols };
    const order = { request, selection, dryRun, names, task, progress, readOnly, ...sizes };
    const targets = members.map((member) => newTarget(member, now));
    this.#senders.set(push, new Sender(this.#core, key, { order, targets, slots, now }));
  }

  /** The targets, or why there are none. Whoever is named is asked, and answers for itself; and to compare, a member need not receive. */
  #choose(command: PushCommand): Chosen | string {
    const members = this.#membership.all();
    if (command.hosts === undefined) {
      const isOpen = (member: Member) => !member.noReceive || command.task.mode === "check";
      const open = members.filter(isOpen);
      const readOnly = members.filter((member) => !isOpen(member)).map(({ name }) => name);
      if (open.length > 0) return { members: open, readOnly };
      if (members.length > 0) return "no other makuosan receives: all are read only";
      return `no other makuosan is alive on ${this.#core.config.group}; see README, Troubleshooting`;
    }
    const chosen = new Set<Member>();
    for (const host of command.hosts) {
      const matches = members.filter((member) => member.name === host || ipText(member.address.ip) === host);
      if (matches.length === 0) return `${host} is not contained in members`;
      for (const match of matches) chosen.add(match);
    }
    return { members: [...chosen], readOnly: [] };
  }

  #reject(command: PushCommand, text: string): void {
    this.#core.out.event({ kind: "rejected", request: command.request, text });
  }

  /**
   * Late packets of receivers that do not know yet how the push ended (PROTOCOL §8.3). A push ends when each target has its outcome: whoever
   * still asks was counted as lost, and must not switch now, when a later push may already have.
   */
  #answerLate(origin: Origin, message: Message, from: Address): void {
    if (message.type === "nak") return;
    this.#core.out.send(origin.push, { type: "end", reason: EndReason.unknown, ids: [origin.node] }, from);
  }
}
