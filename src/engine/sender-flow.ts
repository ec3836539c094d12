import { assert, type BlockIndex, type Micros, type Slot } from "../wire/brand.ts";
import { BlockKind, DataFlag } from "../wire/constants.ts";
import type { PushKey, SourceReply } from "../wire/disk-port.ts";
import type { Nak, SenderPhase, Status } from "../wire/messages.ts";
import { TX_ROW_WORDS, TxRow } from "../wire/tx-row.ts";
import { ContentMap } from "./content-map.ts";
import type { Core } from "./core.ts";
import { Flight } from "./flight.ts";
import { blockName } from "./names.ts";
import type { FlowLimit, FlowStatus } from "./ports.ts";
import { SendWindow } from "./send-window.ts";
import { countFor } from "./slots.ts";
import type { Target, Targets } from "./target.ts";
import {
  LINGER_ROUND_TRIPS,
  LINGER_US_MAX,
  LINGER_US_MIN,
  READ_AHEAD,
  REPAIR_RETRY_US,
  SYNC_INTERVAL_US,
  SYNC_SOON_US_MIN,
  TURN_TARGETS_MIN,
} from "./tuning.ts";

const NEVER = Number.POSITIVE_INFINITY;

/**
 * The owner's half of the block flow: asks the source for blocks, sends them as window and targets allow, repeats what is asked
 * for, and keeps everybody informed of the edge. Knows nothing of offers and commits.
 */
export class SenderFlow {
  readonly #core: Core;
  readonly #key: PushKey;
  readonly #targets: Targets;
  readonly #window: SendWindow;
  readonly #flight: Flight;
  /** Slots of the blocks that the source has been asked for, in order. */
  #reading: Slot[] = [];
  /** So many are asked for at once. Of the manifest one: what follows its last block has to wait. */
  #ahead = 1;
  /** No further block is asked for until `resume`, or ever. */
  #held = false;
  #final = false;
  #syncDue: Micros;
  #syncAt: Micros;
  /** Grows while SYNC after SYNC brings no news. */
  #syncSoonUs = SYNC_SOON_US_MIN;
  #sincePoll = 0;
  /** When repeats to single targets are to be looked at. */
  #repairsAt = NEVER;
  /** Whether pacing, and not the window, keeps the next packet back. */
  #paced = false;
  #limitedBy: FlowLimit = "source";
  readonly #content: ContentMap;
  readonly #aheadMost: number;
  blocks = 0;

  constructor(
    core: Core,
    key: PushKey,
    options: {
      readonly targets: Targets;
      readonly slots: readonly Slot[];
      readonly symbolSize: number;
      /** Bytes of a full block without its digest. */
      readonly capacity: number;
      readonly now: Micros;
    },
  ) {
    this.#core = core;
    this.#key = key;
    this.#targets = options.targets;
    // Of many, too many miss the same, and each keeps quiet about what another has asked for (PROTOCOL §7.7).
    const few = options.targets.size < TURN_TARGETS_MIN;
    const addresses = few ? options.targets.all().map(({ address }) => address) : [];
    const { slots, symbolSize } = options;
    this.#window = new SendWindow(key.push, { slots, symbolSize, addresses });
    const packetBytes = options.symbolSize + 60;
    this.#flight = new Flight({ packetBytes, pacer: core.pacer });
    this.#content = new ContentMap(options.capacity);
    this.#aheadMost = countFor(options.capacity, READ_AHEAD);
    this.#syncDue = (options.now + SYNC_INTERVAL_US) as Micros;
    this.#syncAt = options.now;
  }

  get slots(): readonly Slot[] {
    return this.#window.slots;
  }

  /** Whether the source has given its last block. */
  get final(): boolean {
    return this.#final;
  }

  /** Content bytes in all: known once the plan is. */
  get contentBytes(): number {
    return this.#content.bytes;
  }

  /** Content bytes sent for the first time so far: those of whole blocks, however few bytes they took. */
  get sentBytes(): number {
    return this.#content.below(this.#window.edgeBlock);
  }

  /** Whether all has been read, and sent for the first time. */
  get allSent(): boolean {
    return this.#final && this.#window.edgeBlock >= this.#window.next;
  }

  /** Content bytes that a target is done with that has used, or does not need, the blocks below `next`. */
  doneBytes(next: number): number {
    return this.#content.below(next);
  }

  /** Asks the source for the next blocks if there are slots for them. `waiting`: whether those before it, but the one just read, wait for the wire. */
  pump(waiting = this.#window.hasWork(this.#targets.limit())): void {
    if (this.#held || this.#final) return;
    while (this.#reading.length < this.#ahead) {
      const slot = this.#window.takeSlot();
      if (slot === undefined) return;
      const block = (this.#window.next + this.#reading.length) as BlockIndex;
      this.#reading.push(slot);
      this.#core.out.source({ kind: "next", key: this.#key, slot, block, waiting });
    }
  }

  /** The manifest is complete; the rest of the blocks may be read from now on. */
  resume(): void {
    this.#held = false;
    this.#ahead = this.#aheadMost;
    this.pump();
  }

  /** A block has been read. After the last manifest block, reading stops until `resume`. */
  onBlock(block: SourceReply & { readonly kind: "block" }): void {
    assert(block.slot === this.#reading.shift(), "source answered another slot");
    const waiting = this.#window.hasWork(this.#targets.limit());
    const flags =
      block.blockKind | (block.lastOfKind ? DataFlag.lastOfKind : 0) | (block.final ? DataFlag.final : 0);
    this.#window.add(block.slot, { index: block.block, bytes: block.bytes, flags });
    this.#core.counters.add(`sent blocks ${blockName(block.blockKind)}`);
    this.blocks++;
    this.#content.onBlock(block);
    this.#final = block.final;
    if (block.final) for (const slot of this.#reading.splice(0)) this.#window.giveSlot(slot);
    if (block.blockKind === BlockKind.manifest && block.lastOfKind) this.#held = true;
    this.pump(waiting);
  }

  /** Takes in the flow half of a target's STATUS. False: it cannot be true, as nobody can be done with blocks that nobody knows of. */
  onStatus(target: Target, status: Status, now: Micros): boolean {
    if (status.next > Math.max(this.#window.next, this.#content.end)) return false;
    const news = status.next > target.next || status.limit > target.limit;
    if (status.next > target.next) target.next = status.next;
    if (status.limit > target.limit) target.limit = status.limit;
    const { received } = target.flight;
    const seen = this.#flight.onStatus(target.flight, status, now);
    // What was sent and has not come, as where it is too large for the network, brings nobody further.
    if (news || target.flight.received > received) target.progressAt = now;
    if (seen) {
      const { flight } = target;
      if (flight.baseUs > 0) flight.baseUs = this.#core.roundTrips.least(target.node, flight.baseUs, now);
      this.#targets.onFlight(target);
      this.#flight.onProgress(this.#targets.flights, now);
    }
    if (news) this.#targets.onMoved(target);
    if (seen || news) this.#syncSoonUs = SYNC_SOON_US_MIN;
    this.refresh();
    return true;
  }

  /** Whether a target that has used blocks only up to `next` keeps the others waiting. */
  isBehind(next: number): boolean {
    return next < this.#window.edgeBlock || (this.#final && this.#window.drained);
  }

  /** Whether the blocks below `next` are all that there will be. */
  isAll(next: number): boolean {
    return this.#final && next >= this.#window.next;
  }

  /** Whether every block that could be read so far has been sent. */
  get drained(): boolean {
    return this.#window.drained && this.#reading.length === 0;
  }

  /** To be called when a target has moved on or gone: others may go on, and slots may be free. */
  refresh(): void {
    this.#window.release(this.#targets.low(this.#window.low));
    this.pump();
  }

  onNak(target: Target, nak: Nak, now: Micros): void {
    const trip = this.roundTripUs() * LINGER_ROUND_TRIPS;
    const lingerUs = Math.min(LINGER_US_MAX, Math.max(LINGER_US_MIN, trip));
    const from = this.#targets.placeOf(target);
    for (const { block, missing } of nak.blocks) {
      const more = this.#window.request(block, missing, { from, now, lingerUs });
      this.#core.counters.add("repairs requested", more);
    }
    this.#repairsAt = Math.min(this.#repairsAt, this.#window.directDue);
  }

  roundTripUs(): number {
    return Math.round(this.#flight.groupRoundTripUs(this.#targets.flights));
  }

  /** How fast it goes, and why not faster. */
  status(): FlowStatus {
    return { ...this.#flight.status(this.#targets.flights), limitedBy: this.#limitedBy };
  }

  /** Fills send rows from word `at` on; returns how many rows. */
  takeRows(
    rows: Uint32Array,
    at: number,
    options: { readonly rowsMax: number; readonly now: Micros },
  ): number {
    const { now } = options;
    const limit = this.#targets.limit();
    this.#repairsAt = NEVER;
    if (!this.#window.hasWork(limit)) {
      const held = this.#window.full || this.#window.edgeBlock < this.#window.next;
      this.#limitedBy = held ? "receivers" : "source";
      return 0;
    }
    let budget = this.#flight.budget(this.#targets.flights, now);
    const { pacer } = this.#core;
    this.#paced = pacer.limited && (budget > 0 || now < pacer.at);
    if (budget === 0) this.#limitedBy = this.#limit(now);
    const segment = this.#flight.segment(this.#targets.flights);
    let count = 0;
    // Half of the room at most, so that the flow, and with it the answers, go on.
    let direct = Math.ceil(budget / 2);
    let last: number | undefined;
    while (count < options.rowsMax && budget > 0) {
      const row = at + count * TX_ROW_WORDS;
      const sequence = this.#flight.sent;
      const most = Math.min(budget, Math.max(1, Math.ceil(segment - this.#sincePoll)));
      const packets = this.#window.fillRow(rows, row, { budget: most, direct, limit, sequence, now });
      if (packets === 0) {
        // What there is waits for its time, not for the pacer's.
        this.#paced = false;
        break;
      }
      if (this.#account(rows, row, { packets, now }) === "direct") direct -= packets;
      else last = row;
      if (last === row && this.#sincePoll >= segment) this.#poll(rows, row);
      // A paced sender sends one burst at a time.
      budget = pacer.limited ? 0 : budget - packets;
      count++;
    }
    if (last !== undefined) this.#afterRows(rows, last, { stops: budget < segment, now });
    const due = this.#window.directDue;
    // Nobody tells that repeats to one target have left room again.
    const room = budget < segment ? this.#flight.directUntil(this.#targets.flights) : NEVER;
    const retry = Math.min(room, due > now ? due : now + REPAIR_RETRY_US);
    this.#repairsAt = Math.max(retry, pacer.at);
    return count;
  }

  /** SYNC, when it is due (PROTOCOL §7.4). */
  onTimeout(phase: SenderPhase, now: Micros): void {
    if (now >= this.#syncDue) this.sync(phase, now);
  }

  sync(phase: SenderPhase, now: Micros): void {
    const { edgeBlock, edgeSymbol, low } = this.#window;
    const sequence = this.#flight.sent === 0 ? 0 : (this.#flight.sent - 1) & 0xffff;
    const unseen = this.#targets.flights.some((flight) => flight.seen < this.#flight.sent);
    // What holds the flow up may be a STATUS that was lost.
    const poll = unseen || this.#targets.limit() <= edgeBlock || this.#window.full;
    const roundTripUs = this.roundTripUs();
    // One that says whom to ask follows its burst at once, and asks nothing anew.
    if (unseen && this.#targets.named) this.#flight.onAsked(now);
    this.#core.out.send(this.#key.push, {
      type: "sync",
      phase,
      poll,
      sequence,
      edgeBlock,
      edgeSymbol,
      low,
      roundTripUs,
      ids: this.#targets.askedNow(),
    });
    const interval = poll ? this.#syncSoonUs + roundTripUs : SYNC_INTERVAL_US;
    this.#syncSoonUs = Math.min(SYNC_INTERVAL_US, this.#syncSoonUs * 2);
    this.#syncAt = now;
    this.#syncDue = (now + Math.min(SYNC_INTERVAL_US, interval)) as Micros;
  }

  /** `sends`: whether rows will be taken. */
  deadline(sends: boolean): Micros {
    // Pacing matters only while there is something to send that fits the window; otherwise it would wake the caller for nothing.
    const paced = sends && this.#paced && this.#window.hasWork(this.#targets.limit());
    const due = paced ? Math.min(this.#syncDue, this.#core.pacer.at) : this.#syncDue;
    return (sends ? Math.min(due, this.#repairsAt) : due) as Micros;
  }

  /** What keeps packets back that are there to be sent. */
  #limit(now: Micros): FlowLimit {
    if (now < this.#core.pacer.at) return "rate limit";
    if (this.#flight.isCapped(this.#targets.flights)) return "buffers";
    return this.#flight.mode === "start" ? "start" : "network";
  }

  /** Counts a row's packets where they belong. */
  #account(
    rows: Uint32Array,
    row: number,
    sent: { readonly packets: number; readonly now: Micros },
  ): "direct" | "group" {
    const { packets, now } = sent;
    const { counters } = this.#core;
    const flags = rows[row + TxRow.flags] ?? 0;
    counters.add((flags & DataFlag.repair) !== 0 ? "sent repairs" : "sent symbols", packets);
    if ((flags & DataFlag.direct) !== 0) {
      counters.add("sent repairs to one", packets);
      this.#flight.onDirect(packets, now);
      return "direct";
    }
    this.#flight.onSent(packets, now);
    this.#sincePoll += packets;
    return "group";
  }

  /** Asks for a STATUS after this row. */
  #poll(rows: Uint32Array, row: number): void {
    rows[row + TxRow.flags] = (rows[row + TxRow.flags] ?? 0) | DataFlag.poll;
    this.#sincePoll = 0;
  }

  /** Asks for a STATUS where the flow would otherwise stop; follows a burst's end with a SYNC. When merely all has been sent, receivers speak by themselves when they are done with it. */
  #afterRows(
    rows: Uint32Array,
    last: number,
    options: { readonly stops: boolean; readonly now: Micros },
  ): void {
    const stops = options.stops || this.#window.full;
    if (stops) this.#poll(rows, last);
    // Whom the poll is for must be known before many answer it. What is missing at the end of all that there is may be asked for without SYNC, by
    // what the receivers report; of a short push, they report all before it is due.
    const waits = this.#targets.named || !stops;
    const soon = waits ? options.now + this.#syncSoonUs + this.roundTripUs() : options.now;
    this.#syncDue = Math.min(this.#syncAt + SYNC_INTERVAL_US, soon) as Micros;
  }
}
