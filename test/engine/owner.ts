import { createEngine } from "../../src/engine/node.ts";
import type { Command, Engine, EngineConfig, EngineEvent, Outcome, Output } from "../../src/engine/ports.ts";
import type { BlockIndex, NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { decode, encode } from "../../src/wire/codec.ts";
import { BlockKind, DataFlag } from "../../src/wire/constants.ts";
import { groupTag } from "../../src/wire/crc32c.ts";
import type { SourceReply, SourceRequest } from "../../src/wire/disk-port.ts";
import { SEND_TASK } from "../../src/wire/disk-port.ts";
import type { Message, ReportRecord, Sync } from "../../src/wire/messages.ts";
import { RX_TABLE_WORDS } from "../../src/wire/rx-table.ts";
import { TX_ROW_WORDS, TX_ROWS_MAX, TxRow } from "../../src/wire/tx-row.ts";
import { config, GROUP, us } from "./support.ts";

const SLOT_BYTES = 516 * 8;
/** The owner has settled, and its HELLOs are out, at this time. */
const SETTLED_US = 500_000;

type PushCommand = Extract<Command, { readonly kind: "push" }>;
type Started = { readonly push: PushId; readonly targets: readonly NodeId[] };

/**
 * The engine of an owner, with a source that has its blocks at hand: one manifest block of one entry, one plan block, `contentBlocks` of
 * content, one verdict. The members are messages of the test's own.
 */
export class Owner {
  readonly engine: Engine;
  now = SETTLED_US;
  readonly events: EngineEvent[] = [];
  readonly sent: Message[] = [];
  readonly requests: SourceRequest[] = [];
  /** DATA packets to the group taken so far, by push. */
  readonly packets = new Map<number, number>();
  /** Every row taken so far. */
  readonly rows: Uint32Array[] = [];
  readonly #members: readonly NodeId[];
  readonly #contentBlocks: number;
  readonly #entries: number;
  readonly #rows = new Uint32Array(TX_ROWS_MAX * TX_ROW_WORDS);
  readonly #reported = new Map<string, number>();

  constructor(options: {
    readonly members: number;
    readonly contentBlocks?: number;
    /** Of the manifest; 0 or 1. */
    readonly entries?: number;
    readonly slots?: number;
    /** Members that never receive. */
    readonly readOnly?: readonly number[];
    readonly config?: Partial<EngineConfig>;
  }) {
    this.#contentBlocks = options.contentBlocks ?? 4;
    this.#entries = options.entries ?? 1;
    const slots = Array.from({ length: options.slots ?? 96 }, (_, slot) => slot as Slot);
    const memory = { rx: new Uint32Array(RX_TABLE_WORDS), slots, slotBytes: SLOT_BYTES };
    this.engine = createEngine(config(options.config), memory, () => 0x8000_0000);
    this.engine.onTimeout(us(0));
    this.#members = Array.from({ length: options.members }, (_, index) => BigInt(index + 2) as NodeId);
    const hello = { type: "hello", epoch: 5n, solicit: false, noSend: false } as const;
    for (const node of this.#members) {
      const noReceive = options.readOnly?.includes(Number(node)) ?? false;
      this.hear(node, 0 as PushId, { ...hello, noReceive, mtu: 576, name: `host${node}`, version: "x" });
    }
    this.timeout();
  }

  /** Starts a push of everything to the members of these numbers, all of which accept and need the one file. */
  start(
    request: number,
    hosts: readonly number[],
    answers: "silent" | "accepted" | "needing",
    overrides: Partial<PushCommand> = {},
  ): Started {
    this.engine.onCommand(
      {
        kind: "push",
        request,
        selection: { paths: [], recursive: true },
        dryRun: false,
        hosts: hosts.map((host) => `host${host}`),
        names: false,
        task: SEND_TASK,
        progress: true,
        ...overrides,
      },
      us(this.now),
    );
    this.drain();
    const started = this.events.find((event) => event.kind === "started" && event.request === request);
    if (started?.kind !== "started") throw new Error("the push has not started");
    const { push } = started.key;
    const targets = hosts.map((host) => BigInt(host) as NodeId);
    if (answers === "silent") return { push, targets };
    for (const node of targets)
      this.report(node, push, { kind: "accept", receiveBuffer: 8 << 20, window: 32 });
    if (answers === "accepted") return { push, targets };
    this.takeManifest(push);
    const all = new Uint8Array([1]);
    for (const node of targets) {
      this.status(node, push, 1);
      this.report(node, push, { kind: "need", section: 0, entries: 1, update: all, content: all });
    }
    return { push, targets };
  }

  /** Takes the manifest's packet. */
  takeManifest(push: PushId): void {
    for (let turn = 0; turn < 10 && this.sentOf(push) < 1; turn++) {
      this.now = Math.max(this.now, this.engine.deadline());
      this.timeout();
      this.take();
    }
  }

  /** A control packet of a member. */
  hear(node: NodeId, push: PushId, message: Message): void {
    const from = { ip: 0x0a00_0000 + Number(node), port: 4000 };
    this.engine.onControl(encode({ node, push }, groupTag(GROUP), message), from, us(this.now));
    this.drain();
  }

  /** The next record of a member's report. */
  report(node: NodeId, push: PushId, record: ReportRecord): void {
    const stream = `${node} ${push}`;
    const first = this.#reported.get(stream) ?? 0;
    this.#reported.set(stream, first + 1);
    this.hear(node, push, { type: "report", owner: 1n as NodeId, first, records: [record] });
  }

  /** STATUS of a member that has had every packet so far and has used the blocks below `next`. */
  status(node: NodeId, push: PushId, next: number, limit = next + 32): void {
    const received = this.sentOf(push);
    this.hear(node, push, {
      type: "status",
      owner: 1n as NodeId,
      next: next as BlockIndex,
      limit: limit as BlockIndex,
      sequence: (received - 1) & 0xffff,
      state: "receiving",
      received,
    });
  }

  timeout(): void {
    this.engine.onTimeout(us(this.now));
    this.drain();
  }

  /** Takes rows until there are none; returns the number of packets. */
  take(): number {
    let packets = 0;
    for (;;) {
      const count = this.engine.takeRows(this.#rows, TX_ROWS_MAX, us(this.now));
      this.drain();
      if (count === 0) return packets;
      for (let at = 0; at < count * TX_ROW_WORDS; at += TX_ROW_WORDS) {
        const [push, more] = [this.#rows[at + TxRow.push] ?? 0, this.#rows[at + TxRow.count] ?? 0];
        this.rows.push(this.#rows.slice(at, at + TX_ROW_WORDS));
        if (((this.#rows[at + TxRow.flags] ?? 0) & DataFlag.direct) !== 0) continue;
        this.packets.set(push, this.sentOf(push) + more);
        packets += more;
      }
    }
  }

  sentOf(push: number): number {
    return this.packets.get(push) ?? 0;
  }

  /** SYNC packets so far. */
  get syncs(): readonly Sync[] {
    return this.sent.filter((message) => message.type === "sync");
  }

  /** Outcomes told so far. */
  get outcomes(): readonly Outcome[] {
    return this.events.flatMap((event) => (event.kind === "outcome" ? [event.outcome] : []));
  }

  /** Events of one kind told so far. */
  told<Kind extends EngineEvent["kind"]>(kind: Kind): readonly Extract<EngineEvent, { kind: Kind }>[] {
    return this.events.filter((event): event is Extract<EngineEvent, { kind: Kind }> => event.kind === kind);
  }

  get #final(): number {
    return this.#contentBlocks + 2;
  }

  drain(): void {
    for (let next = this.engine.poll(); next !== undefined; next = this.engine.poll()) this.#perform(next);
  }

  #perform(output: Output): void {
    if (output.kind === "event") this.events.push(output.event);
    if (output.kind === "control") {
      const decoded = decode(output.packet);
      if (typeof decoded === "string") throw new Error(`our own packet does not decode: ${decoded}`);
      this.sent.push(decoded.message);
    }
    if (output.kind !== "source") return;
    const { request } = output;
    this.requests.push(request);
    // What lies behind the final block has no answer.
    if (request.kind === "next" && request.block <= this.#final)
      this.engine.onSource(this.#block(request), us(this.now));
    if (request.kind === "close") this.engine.onSource({ kind: "closed", key: request.key }, us(this.now));
  }

  #block({ key, slot, block }: SourceRequest & { readonly kind: "next" }): SourceReply {
    const last = this.#final;
    const blockKind =
      block === 0
        ? BlockKind.manifest
        : block === 1
          ? BlockKind.plan
          : block < last
            ? BlockKind.content
            : BlockKind.verdict;
    return {
      kind: "block",
      key,
      slot,
      block,
      blockKind,
      bytes: blockKind === BlockKind.content ? SLOT_BYTES : 100,
      lastOfKind: block < 2,
      final: block === last,
      entries: block === 0 ? this.#entries : 0,
      contentBytes: block === 0 ? 0 : this.#contentBlocks * (SLOT_BYTES - 16),
    };
  }
}
