import type { Address, Engine, EngineEvent, Output } from "../../../src/engine/ports.ts";
import type { BlockIndex, Micros, NodeId, PushId, Slot } from "../../../src/wire/brand.ts";
import { BlockKind, DIGEST_BYTES, HEADER_BYTES } from "../../../src/wire/constants.ts";
import type { PushKey, SourceReply, SourceRequest } from "../../../src/wire/disk-port.ts";
import { SEND_TASK } from "../../../src/wire/disk-port.ts";
import { RX_TABLE_WORDS } from "../../../src/wire/rx-table.ts";
import { TX_ROW_WORDS, TxRow } from "../../../src/wire/tx-row.ts";
import type { Prng } from "../../support/prng.ts";
import { engineOf } from "../engine-under-test.ts";
import { type LargeModel, PACKET_CHARGE } from "./model.ts";
import { configOf, SLOT_BYTES, SLOTS, type Surroundings } from "./receiver.ts";
import type { Switch } from "./switch.ts";

/** The owner is host 0. */
export const OWNER = 0;
/** Until its thread has a packet that has arrived. */
export const OWNER_WAKE_US = 20;
/** Control packets taken in one turn. */
const BATCH = 64;
/** The card takes no more while this much waits in front of the cable. */
const BACKLOG_US_MAX = 150;
/** Bytes of a block that is a table of one line. */
const TABLE_BYTES = 100 + DIGEST_BYTES;

type Arrival = { readonly at: number; readonly packet: Uint8Array; readonly from: Address };

/** The host that pushes: the production engine, a file without bytes, and a processor that packets keep busy. */
export class LargeOwner {
  readonly engine: Engine;
  readonly node: NodeId;
  readonly events: { readonly at: number; readonly event: EngineEvent }[] = [];
  /** When packets have come in, and their types. */
  readonly arrivals: { readonly at: number; readonly type: number }[] = [];
  readonly #model: LargeModel;
  readonly #ports: Switch;
  readonly #around: Surroundings;
  readonly #prng: Prng;
  readonly #inbox: Arrival[] = [];
  #taken = 0;
  #replies: { readonly at: number; readonly reply: SourceReply }[] = [];
  #content = 0;
  #final = false;
  #symbolSize = 0;
  #readAt = 0;
  #mayHaveMore = false;
  readonly #rows = new Uint32Array(TX_ROW_WORDS);
  /** Until when the thread is at work. */
  busyUntil = 0;
  /** Packets for which the socket had no room. */
  overrun = 0;

  constructor(around: Surroundings, prng: Prng) {
    this.#around = around;
    this.#model = around.model;
    this.#ports = around.ports;
    this.#prng = prng.fork("loss");
    const config = configOf(OWNER, around.model);
    this.node = config.node;
    const random = prng.fork("engine");
    const slots = Array.from({ length: SLOTS }, (_, slot) => slot as Slot);
    const memory = { rx: new Uint32Array(RX_TABLE_WORDS), slots, slotBytes: SLOT_BYTES };
    this.engine = engineOf(config, memory, () => random.u32());
  }

  /** A packet that arrives at `at`. */
  receive(arrival: Arrival): void {
    if (this.#prng.chance(this.#model.lossPpm)) return;
    const inSocket = this.#inbox.length - this.#taken;
    if (inSocket * PACKET_CHARGE >= this.#model.receiveBuffer) this.overrun++;
    else insert(this.#inbox, arrival);
  }

  /** Asks for the push. */
  push(now: number): void {
    this.engine.onCommand(
      {
        kind: "push",
        request: 1,
        selection: { paths: [], recursive: true },
        dryRun: false,
        hosts: undefined,
        names: false,
        task: SEND_TASK,
        progress: false,
      },
      now as Micros,
    );
    this.#drain(now);
  }

  /** One turn of the engine's thread. Returns when the next one is wanted. */
  run(now: number): number {
    const packets = this.#takePackets(now);
    while (this.#replies[0] !== undefined && this.#replies[0].at <= now) {
      const { reply } = this.#replies.shift() as { reply: SourceReply };
      this.engine.onSource(reply, now as Micros);
      this.#drain(now);
    }
    if (this.engine.deadline() <= now) {
      this.engine.onTimeout(now as Micros);
      this.#drain(now);
    }
    const sent = this.#sendRows(now);
    const { turnUs, ownerControlUs, ownerDataUs } = this.#model;
    this.busyUntil = now + turnUs + packets * ownerControlUs + sent * ownerDataUs;
    return Math.ceil(Math.max(this.busyUntil, this.#wanted(now)));
  }

  /** When something is to be done. */
  #wanted(now: number): number {
    const full = this.#ports.backlogUs(OWNER, now) - BACKLOG_US_MAX;
    const deadline: number = this.engine.deadline();
    // What is due waits for the card only if it is DATA.
    let at = deadline <= now ? now + Math.max(1, full) : deadline;
    if (full > 0 && this.#mayHaveMore) at = Math.min(at, now + full);
    for (const reply of this.#replies) at = Math.min(at, reply.at);
    const first = this.#inbox[this.#taken];
    return first === undefined ? at : Math.min(at, first.at + OWNER_WAKE_US);
  }

  #takePackets(now: number): number {
    let packets = 0;
    for (; packets < BATCH; packets++) {
      const next = this.#inbox[this.#taken];
      if (next === undefined || next.at > now) break;
      this.#taken++;
      this.arrivals.push({ at: next.at, type: next.packet[2] as number });
      this.engine.onControl(next.packet, next.from, now as Micros);
      this.#drain(now);
    }
    if (this.#taken >= 1_024) this.#taken -= this.#inbox.splice(0, this.#taken).length;
    return packets;
  }

  /** Returns the number of DATA packets. */
  #sendRows(now: number): number {
    let packets = 0;
    this.#mayHaveMore = true;
    while (this.#ports.backlogUs(OWNER, now) < BACKLOG_US_MAX) {
      const count = this.engine.takeRows(this.#rows, 1, now as Micros);
      this.#drain(now);
      if (count === 0) {
        this.#mayHaveMore = false;
        break;
      }
      const row = (field: number) => this.#rows[field] as number;
      const run = {
        owner: this.node,
        push: row(TxRow.push) as PushId,
        block: row(TxRow.block) as BlockIndex,
        first: row(TxRow.first),
        count: row(TxRow.count),
        symbols: row(TxRow.symbols),
        lastBytes: row(TxRow.lastBytes),
        flags: row(TxRow.flags),
        sequence: row(TxRow.sequence),
      };
      const packetBytes = HEADER_BYTES + row(TxRow.symbolSize);
      if (row(TxRow.port) === 0) this.#ports.sendRun(OWNER, run, { packetBytes, now });
      else this.#around.sendDirect(run, { to: row(TxRow.ip), packetBytes, now });
      packets += run.count;
    }
    return packets;
  }

  #drain(now: number): void {
    for (let output = this.engine.poll(); output !== undefined; output = this.engine.poll())
      this.#perform(output, now);
  }

  #perform(output: Output, now: number): void {
    if (output.kind === "control") this.#around.send(OWNER, { ...output, now });
    else if (output.kind === "event") this.events.push({ at: now, event: output.event });
    else if (output.kind === "source") this.#source(output.request, now);
  }

  /** A tree of one file that all receivers need. */
  #source(request: SourceRequest, now: number): void {
    const { key } = request;
    if (request.kind === "open") this.#symbolSize = request.capacity;
    if (request.kind === "close") this.#replies.push({ at: now + 100, reply: { kind: "closed", key } });
    // What lies behind the final block has no answer.
    if (request.kind !== "next" || this.#final) return;
    this.#readAt = Math.max(this.#readAt, now) + this.#model.readBlockUs;
    this.#replies.push({ at: this.#readAt, reply: this.#block(key, request.slot, request.block) });
  }

  #block(key: PushKey, slot: Slot, block: BlockIndex): SourceReply {
    const capacity = this.#symbolSize;
    const base = {
      kind: "block",
      key,
      slot,
      block,
      entries: 0,
      lastOfKind: false,
      final: false,
      contentBytes: 0,
    } as const;
    if (block === 0)
      return { ...base, blockKind: BlockKind.manifest, bytes: TABLE_BYTES, entries: 1, lastOfKind: true };
    const { contentBytes } = this.#model;
    if (block === 1)
      return { ...base, blockKind: BlockKind.plan, bytes: TABLE_BYTES, lastOfKind: true, contentBytes };
    const left = contentBytes - this.#content;
    this.#final = left === 0;
    if (left === 0)
      return { ...base, blockKind: BlockKind.verdict, bytes: TABLE_BYTES, final: true, contentBytes };
    const bytes = Math.min(left, capacity);
    this.#content += bytes;
    return { ...base, blockKind: BlockKind.content, bytes: bytes + DIGEST_BYTES, contentBytes };
  }
}

/** Packets come nearly in order. */
function insert(arrivals: Arrival[], arrival: Arrival): void {
  let at = arrivals.length;
  while (at > 0 && (arrivals[at - 1] as Arrival).at > arrival.at) at--;
  arrivals.splice(at, 0, arrival);
}
