import type { Address, Command, Engine, EngineConfig, EngineEvent, Output } from "../../src/engine/ports.ts";
import type { Micros, NodeId, Slot } from "../../src/wire/brand.ts";
import type { PushKey, SourceReply, StageReply } from "../../src/wire/disk-port.ts";
import { RX_TABLE_WORDS } from "../../src/wire/rx-table.ts";
import type { Checksums } from "../../src/wire/twin.ts";
import { TX_ROW_WORDS, TX_ROWS_MAX, TxRow } from "../../src/wire/tx-row.ts";
import type { Prng } from "../support/prng.ts";
import type { DiskEnvironment } from "./disk.ts";
import { engineOf } from "./engine-under-test.ts";
import type { EventQueue } from "./event-queue.ts";
import type { Journal } from "./journal.ts";
import type { Endpoint, Network } from "./network.ts";
import { PacketHandler } from "./packet-handler.ts";
import { SlotLedger } from "./slot-ledger.ts";
import { SocketBuffer } from "./socket-buffer.ts";
import { FakeSource } from "./source.ts";
import { FakeStage } from "./stage.ts";
import type { Trace } from "./trace.ts";

/** Packets taken from the sockets at one go, as one call of the shim would. */
const BATCH = 64;
/** The socket takes no more while this much waits in front of the cable. */
const BACKLOG_US_MAX = 2_000;
/** Times in a row that the engine may want to be called at once again, without the clock moving on. */
const SPINS_MAX = 100;
/** Most outputs between two calls, and most control packets in any second: several times what any run needs. */
const OUTPUTS_MAX = 200;
const CONTROL_PER_SECOND_MAX = 1_000;

export type ProcessOptions = {
  readonly config: EngineConfig;
  readonly address: Address;
  readonly slots: number;
  readonly slotBytes: number;
  readonly checksums: Checksums;
  /** Time to deal with one packet. */
  readonly cpuUs: number;
  /** What the monotonic clock shows when virtual time is 0. */
  readonly clockOffset: number;
  readonly prng: Prng;
  readonly queue: EventQueue;
  readonly network: Network;
  readonly trace: Trace;
  readonly journal: Journal;
  readonly disk: Omit<DiskEnvironment, "slot" | "alive" | "prng" | "queue" | "journal">;
  onEvent(event: EngineEvent): void;
  /** A packet has come for a block that the engine has said it has no room for. */
  onOverrun(key: PushKey): void;
};

type Message =
  | { readonly to: "source"; readonly reply: SourceReply }
  | { readonly to: "stage"; readonly reply: StageReply }
  | { readonly to: "command"; readonly command: Command };

/** One run of the daemon on one host: the production engine, driven as engine/ports.ts says, with a simulated world around it. */
export class Process implements Endpoint {
  readonly host: number;
  readonly address: Address;
  readonly engine: Engine;
  readonly ledger: SlotLedger;
  readonly source: FakeSource;
  readonly stage: FakeStage;

  /** Contexts of the receive table in use. */
  contexts = 0;
  /** Most slots that a push has had in the receive table since `resetWindow`. */
  windowMax = 0;
  paused = false;
  readonly #options: ProcessOptions;
  readonly #journal: Journal;
  readonly #handler: PacketHandler;
  readonly #group: SocketBuffer;
  readonly #own: SocketBuffer;
  readonly #rows = new Uint32Array(TX_ROWS_MAX * TX_ROW_WORDS);
  #inbox: Message[] = [];
  #alive = true;
  #busyUntil = 0;
  #wakeAt = Number.POSITIVE_INFINITY;
  #wakeToken = 0;
  readonly #channels = { source: 0, stage: 0, command: 0 };
  #control = 0;
  #controlSecond = -1;
  #spins = 0;

  constructor(options: ProcessOptions) {
    const { config, slots, slotBytes, prng, journal, queue } = options;
    this.#options = options;
    this.#journal = journal;
    this.host = options.disk.hostIndex;
    this.address = options.address;
    const table = new Uint32Array(RX_TABLE_WORDS);
    const arena = new Uint8Array(slots * slotBytes);
    this.#handler = new PacketHandler({ config, table, arena, slotBytes, checksums: options.checksums });
    this.#group = new SocketBuffer(config.receiveBuffer);
    this.#own = new SocketBuffer(config.receiveBuffer);
    this.ledger = new SlotLedger(journal, table, slots);
    const random = prng.fork("engine");
    const memory = { rx: table, slots: Array.from({ length: slots }, (_, slot) => slot as Slot), slotBytes };
    this.engine = engineOf(config, memory, () => random.u32());
    const environment: DiskEnvironment = {
      ...options.disk,
      queue,
      journal,
      prng: prng.fork("disk"),
      slot: (slot) => arena.subarray(slot * slotBytes, (slot + 1) * slotBytes),
      alive: () => this.#alive,
    };
    this.source = new FakeSource(environment, (reply) => this.#deliver({ to: "source", reply }));
    this.stage = new FakeStage(environment, (reply) => this.#deliver({ to: "stage", reply }));
  }

  get alive(): boolean {
    return this.#alive;
  }

  get node(): NodeId {
    return this.#options.config.node;
  }

  resetWindow(): void {
    this.windowMax = 0;
  }

  start(): void {
    this.#options.network.attach(this);
    this.#wake(this.#options.queue.now);
  }

  /** SIGKILL: whatever was in memory is gone. */
  kill(): void {
    this.#alive = false;
    if (this.#options.network.attached(this.host) === this) this.#options.network.detach(this.host);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    this.#wake(this.#options.queue.now);
  }

  receive(packet: Uint8Array, from: Address, socket: "group" | "own"): void {
    const { trace, queue } = this.#options;
    const taken = (socket === "group" ? this.#group : this.#own).push(packet, from);
    trace.note(queue.now, this.host, [packet.length, taken ? 1 : 0, packet[4] ?? 0], () =>
      taken ? `receives a packet of ${packet.length} bytes` : "has no room for a packet",
    );
    if (taken) this.#wake(queue.now + 5);
  }

  command(command: Command): void {
    this.#deliver({ to: "command", command });
  }

  #deliver(message: Message): void {
    const { queue, prng } = this.#options;
    // A message to another thread takes its time, but does not overtake.
    const at = Math.max(this.#channels[message.to], queue.now + prng.between(5, 60));
    this.#channels[message.to] = at;
    queue.at(at, () => {
      if (!this.#alive) return;
      this.#inbox.push(message);
      this.#wake(queue.now);
    });
  }

  #wake(at: number): void {
    const { queue } = this.#options;
    const time = Math.max(at, this.#busyUntil, queue.now);
    if (time >= this.#wakeAt || time === Number.POSITIVE_INFINITY) return;
    this.#wakeAt = time;
    const token = ++this.#wakeToken;
    queue.at(time, () => {
      if (token === this.#wakeToken && this.#alive) this.#run();
    });
  }

  /** One turn of the engine's thread. */
  #run(): void {
    this.#wakeAt = Number.POSITIVE_INFINITY;
    if (this.paused) return;
    const { queue, cpuUs } = this.#options;
    const now = queue.now;
    this.#takeMessages();
    const packets = this.#takePackets();
    if (!this.#alive) return;
    if (this.engine.deadline() <= this.#clock()) {
      this.engine.onTimeout(this.#clock());
      this.#drain();
    }
    if (!this.#alive) return;
    this.#sendRows();
    this.#busyUntil = now + packets * cpuUs;
    if (this.#group.length > 0 || this.#own.length > 0 || this.#inbox.length > 0) return this.#wake(now);
    this.#wakeForDeadline();
  }

  #wakeForDeadline(): void {
    const { queue, clockOffset, network } = this.#options;
    const at = this.engine.deadline() - clockOffset;
    if (at > queue.now) {
      this.#spins = 0;
      return this.#wake(Math.ceil(at));
    }
    const backlog = network.backlogUs(this.host);
    if (backlog >= BACKLOG_US_MAX) return this.#wake(queue.now + backlog - BACKLOG_US_MAX + 1);
    this.#journal.check(++this.#spins < SPINS_MAX, "the engine wants to be called at once, again and again");
    this.#wake(queue.now + 1);
  }

  #clock(): Micros {
    return (this.#options.queue.now + this.#options.clockOffset) as Micros;
  }

  #takeMessages(): void {
    const messages = this.#inbox;
    this.#inbox = [];
    for (const message of messages) {
      this.#note(message);
      if (message.to === "command") this.engine.onCommand(message.command, this.#clock());
      else if (message.to === "source") this.#onSource(message.reply);
      else this.#onStage(message.reply);
      this.#drain();
    }
  }

  #onSource(reply: SourceReply): void {
    if (reply.kind === "block") this.ledger.giveBack(reply.slot);
    if (reply.kind === "closed") this.ledger.closed("source", reply.key);
    this.engine.onSource(reply, this.#clock());
  }

  #onStage(reply: StageReply): void {
    if (reply.kind === "used") this.ledger.giveBack(reply.slot);
    if (reply.kind === "closed") this.ledger.closed("stage", reply.key);
    this.stage.heard(reply);
    this.engine.onStage(reply, this.#clock());
  }

  #takePackets(): number {
    let changed = false;
    let packets = 0;
    for (; packets < BATCH && this.#alive; packets++) {
      const next = this.#group.shift() ?? this.#own.shift();
      if (next === undefined) break;
      const verdict = this.#handler.receive(next.packet);
      if (verdict === "data") {
        changed = true;
        const overrun = this.#handler.beyondLimit(next.packet);
        if (overrun !== undefined) this.#options.onOverrun(overrun);
      }
      if (verdict !== "control") continue;
      this.engine.onControl(next.packet, next.from, this.#clock());
      this.#drain();
    }
    if (changed && this.#alive) {
      this.engine.onReceived(this.#clock());
      this.#drain();
    }
    return packets;
  }

  #drain(): void {
    for (let outputs = 0; this.#alive; outputs++) {
      const output = this.engine.poll();
      if (output === undefined) break;
      this.#journal.check(outputs < OUTPUTS_MAX, "the engine's output does not end");
      this.#perform(output);
    }
    if (!this.#alive) return;
    this.contexts = this.ledger.checkTable();
    if (this.contexts > 0) this.windowMax = Math.max(this.windowMax, this.ledger.windowMax);
  }

  #perform(output: Output): void {
    const { network, onEvent } = this.#options;
    switch (output.kind) {
      case "control":
        this.#countControl();
        this.#journal.check(output.to?.ip !== 0 && output.to?.port !== 0, "a packet that no socket can send");
        return network.send(this, output.to, this.#handler.seal(output.packet));
      case "source": {
        const { request } = output;
        if (request.kind === "next") this.ledger.lend("source", request.slot, request);
        return this.source.request(request);
      }
      case "stage": {
        const { request } = output;
        if (request.kind === "block") this.ledger.lend("stage", request.slot, request);
        return this.stage.request(request);
      }
      case "event":
        return onEvent(output.event);
    }
  }

  #countControl(): void {
    const second = Math.floor(this.#options.queue.now / 1e6);
    this.#control = this.#controlSecond === second ? this.#control + 1 : 1;
    this.#controlSecond = second;
    this.#journal.check(this.#control <= CONTROL_PER_SECOND_MAX, "a flood of control packets");
  }

  #sendRows(): void {
    const { network, prng } = this.#options;
    while (network.backlogUs(this.host) < BACKLOG_US_MAX) {
      const count = this.engine.takeRows(this.#rows, prng.between(1, TX_ROWS_MAX), this.#clock());
      if (count > 0) {
        for (let row = 0; row < count; row++)
          this.ledger.sent(this.#rows[row * TX_ROW_WORDS + TxRow.slot] as number);
        for (const { packet, to } of this.#handler.build(this.#rows, count)) network.send(this, to, packet);
      }
      this.#drain();
      if (count === 0) return;
    }
  }

  #note(message: Message): void {
    const { trace, queue } = this.#options;
    const text = () =>
      message.to === "command"
        ? `command ${message.command.kind}`
        : `${message.to}: ${describeReply(message.reply)}`;
    const kind = message.to === "command" ? message.command.kind : message.reply.kind;
    trace.note(queue.now, this.host, [message.to.length, kind.length, kind.charCodeAt(0)], text);
  }
}

function describeReply(reply: SourceReply | StageReply): string {
  const block = "block" in reply ? ` ${reply.block}` : "";
  const bad = reply.kind === "used" && !reply.good ? " bad" : "";
  return `push ${reply.key.push} ${reply.kind}${block}${bad}`;
}
