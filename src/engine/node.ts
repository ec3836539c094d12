import type { Micros, NodeId } from "../wire/brand.ts";
import { decode } from "../wire/codec.ts";
import { MTU_MAX, MTU_MIN } from "../wire/constants.ts";
import { groupTag } from "../wire/crc32c.ts";
import type { SourceReply, StageReply } from "../wire/disk-port.ts";
import type { Message, Origin } from "../wire/messages.ts";
import { RX_CONTEXTS } from "../wire/rx-table.ts";
import { TX_ROW_WORDS } from "../wire/tx-row.ts";
import { type Core, Counters, Outbox } from "./core.ts";
import { Incoming } from "./incoming.ts";
import { Membership } from "./membership.ts";
import { Outgoing } from "./outgoing.ts";
import { Pacer } from "./pacer.ts";
import type {
  Address,
  Command,
  Engine,
  EngineConfig,
  EngineMemory,
  EngineStatus,
  Output,
  Random,
} from "./ports.ts";
import { RoundTrips } from "./round-trips.ts";
import { SlotPool } from "./slots.ts";

/** After `stop`, what is under way gets this long to end. */
const STOP_PATIENCE_US = 1_500_000;

/**
 * The engine of one node: membership, the pushes that it sends, the pushes that it receives. It owns the memory given to it until the
 * process ends. Driven as `Engine` says.
 */
export function createEngine(config: EngineConfig, memory: EngineMemory, random: Random): Engine {
  return new Node(config, memory, random);
}

class Node implements Engine {
  readonly #core: Core;
  readonly #membership: Membership;
  readonly #incoming: Incoming;
  readonly #outgoing: Outgoing;
  #stopBy: Micros | undefined;
  #stopped = false;
  /** Those of the core that the own pushes know of. */
  #treeChanges = 0;

  constructor(config: EngineConfig, memory: EngineMemory, random: Random) {
    const counters = new Counters();
    const tag = groupTag(config.group);
    const out = new Outbox(config.node, tag, counters);
    const slots = new SlotPool(memory.slots);
    const pacer = new Pacer(config.rateLimit);
    const shared = { config, groupTag: tag, memory, random, slots, pacer, out, counters };
    this.#core = { ...shared, roundTrips: new RoundTrips(), mtu: config.mtu, treeChanges: 0 };
    this.#membership = new Membership(this.#core);
    this.#incoming = new Incoming(this.#core, this.#membership, RX_CONTEXTS);
    this.#outgoing = new Outgoing(this.#core, this.#membership);
  }

  onControl(packet: Uint8Array, from: Address, now: Micros): void {
    // Whoever is answered, or remembered as a member, must be one to whom packets can be sent (PROTOCOL §2.1).
    if (from.ip === 0 || from.port === 0) {
      this.#core.counters.add("drop source");
      return;
    }
    if (this.#membership.onRepeat(packet, from, now)) {
      this.#core.counters.add("received hello");
      return;
    }
    const decoded = decode(packet);
    if (typeof decoded === "string") {
      this.#core.counters.add(`drop ${decoded}`);
      return;
    }
    if (decoded.origin.node === this.#core.config.node) return;
    this.#core.counters.add(`received ${decoded.message.type}`);
    this.#membership.touch(decoded.origin.node, now);
    this.#dispatch(decoded.origin, decoded.message, { from, now });
    if (decoded.message.type === "hello") {
      this.#membership.remember(decoded.origin.node, packet, decoded.message);
    }
    this.#settle(now);
  }

  onReceived(now: Micros): void {
    this.#incoming.onReceived(now);
    this.#settle(now);
  }

  onSource(reply: SourceReply, now: Micros): void {
    this.#outgoing.onSource(reply, now);
    this.#settle(now);
  }

  onStage(reply: StageReply, now: Micros): void {
    this.#incoming.onStage(reply, now);
    this.#settle(now);
  }

  onCommand(command: Command, now: Micros): void {
    const { out } = this.#core;
    switch (command.kind) {
      case "push":
        this.#outgoing.add(command, now);
        break;
      case "cancel":
        this.#outgoing.cancel(command.request, now);
        break;
      case "members": {
        const members = this.#membership.all();
        out.event({ kind: "members", request: command.request, members });
        break;
      }
      case "status":
        out.event({ kind: "status", request: command.request, status: this.#status() });
        break;
      case "mtu":
        this.#setMtu(command.mtu, now);
        break;
      case "stop":
        this.#stop(now);
        break;
    }
    this.#settle(now);
  }

  onTimeout(now: Micros): void {
    if (this.#stopBy === undefined) this.#gone(this.#membership.onTimeout(now), now);
    this.#incoming.onTimeout(now);
    this.#outgoing.onTimeout(now);
    this.#settle(now);
  }

  poll(): Output | undefined {
    return this.#core.out.take();
  }

  takeRows(rows: Uint32Array, rowsMax: number, now: Micros): number {
    const most = Math.min(rowsMax, Math.floor(rows.length / TX_ROW_WORDS));
    return this.#outgoing.takeRows(rows, most, now);
  }

  deadline(): Micros {
    const membership = this.#stopBy ?? this.#membership.deadline();
    return Math.min(membership, this.#incoming.deadline(), this.#outgoing.deadline()) as Micros;
  }

  awaited(): boolean {
    return !this.#outgoing.idle || this.#incoming.awaited;
  }

  #dispatch(origin: Origin, message: Message, heard: { readonly from: Address; readonly now: Micros }): void {
    const { node } = origin;
    const { from, now } = heard;
    switch (message.type) {
      case "hello":
        return this.#gone(this.#membership.onHello(node, message, from, now), now);
      case "bye":
        if (this.#membership.onBye(node, message.epoch)) this.#gone([node], now);
        return;
      case "offer":
      case "reportAck":
      case "sync":
      case "commit":
      case "end":
      case "vouch":
        return this.#incoming.onMessage(origin, message, heard);
      case "report":
      case "status":
      case "nak":
      case "query":
        if (message.owner === this.#core.config.node) return this.#outgoing.onMessage(origin, message, heard);
        return this.#incoming.onMessage(origin, message, heard);
    }
  }

  #gone(nodes: readonly NodeId[], now: Micros): void {
    for (const node of nodes) {
      this.#outgoing.onGone(node, now);
      this.#incoming.onGone(node, now);
    }
  }

  /** With what it was before, this node could not send any more, or sends more packets than it must. */
  #setMtu(found: number, now: Micros): void {
    const mtu = Math.max(MTU_MIN, Math.min(MTU_MAX, found));
    if (mtu === this.#core.mtu) return;
    this.#core.mtu = mtu;
    this.#core.out.event({ kind: "log", level: 0, text: `the interface's MTU is ${mtu} now` });
    this.#membership.announce(now);
    this.#outgoing.onMtu(now);
  }

  #stop(now: Micros): void {
    if (this.#stopBy !== undefined) return;
    this.#stopBy = (now + STOP_PATIENCE_US) as Micros;
    this.#outgoing.stop(now);
    this.#incoming.stop();
    this.#membership.leave();
  }

  #settle(now: Micros): void {
    if (this.#treeChanges !== this.#core.treeChanges) this.#outgoing.treeChanged(now);
    this.#treeChanges = this.#core.treeChanges;
    this.#incoming.collect(now);
    this.#outgoing.collect(now);
    if (this.#stopBy === undefined || this.#stopped) return;
    if (now < this.#stopBy && !(this.#incoming.idle && this.#outgoing.idle)) return;
    this.#stopped = true;
    this.#stopBy = Number.POSITIVE_INFINITY as Micros;
    this.#core.out.event({ kind: "stopped" });
  }

  #status(): EngineStatus {
    return {
      sending: this.#outgoing.status(),
      receiving: this.#incoming.status((node) => this.#membership.get(node)?.name ?? node.toString(16)),
      counters: this.#core.counters.snapshot(),
    };
  }
}
