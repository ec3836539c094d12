import type { Address, Command, Engine, EngineEvent, Output } from "../engine/ports.ts";
import type { Micros } from "../wire/brand.ts";
import { IP_UDP_BYTES } from "../wire/constants.ts";
import type { SourceReply, SourceRequest, StageReply, StageRequest } from "../wire/disk-port.ts";
import { TX_ROWS_MAX } from "../wire/tx-row.ts";
import { Ready } from "./abi-net.ts";
import { Moderation } from "./moderation.ts";
import type { NetShim, SendResult } from "./net-shim.ts";
import { TrafficMeter } from "./traffic-meter.ts";

/** How the loop reaches the other threads. The functions that take return undefined when nothing is there. */
export type Mail = {
  takeCommand(): Command | undefined;
  takeSource(): readonly SourceReply[] | undefined;
  takeStage(): readonly StageReply[] | undefined;
  toSource(requests: readonly SourceRequest[]): void;
  toStage(requests: readonly StageRequest[]): void;
  toMain(notices: readonly LoopNotice[]): void;
};

/** What the loop tells the main thread. */
export type LoopNotice =
  | { readonly kind: "event"; readonly event: EngineEvent }
  /** Follows each `status` event: bytes sent in the last second, and the counters of the sockets. */
  | { readonly kind: "traffic"; readonly rate: number; readonly counters: Readonly<Record<string, number>> };

export type LoopParts = {
  readonly engine: Engine;
  readonly net: Pick<
    NetShim,
    | "wait"
    | "receive"
    | "rows"
    | "rowsPending"
    | "startRows"
    | "sendRows"
    | "addControl"
    | "sendControl"
    | "mtu"
    | "counters"
  >;
  readonly mail: Mail;
  /** The monotonic clock. */
  now(): Micros;
  /** Frees memory that is not in use; a few milliseconds. Called while nothing goes on. */
  collect(): void;
  /** Called when DATA or messages have come, again and again while a push goes on. */
  atWork(now: Micros): void;
};

const LINUX_EMSGSIZE = 90;
/** Batches taken from one socket, and batches of rows sent, before the other side has its turn. */
const batchesInTurn = 4;
/** While the socket takes nothing, timers that are due may wait this long: whoever asks for rows would ask without end. */
const blockedPauseUs = 1_000;
/** After the engine has stopped, its last packets get this long. */
const farewellUs = 50_000;
/** After so many messages of the disk or of consoles, and then as long without one, there is garbage and time to collect it. */
const collectAfterMessages = 256;
const collectAfterUs = 500_000;
/** After so many there is no waiting for a pause: a thousand small pushes or a gigabyte of blocks. */
const collectAtMessages = 4_096;
/** News of a push on its way may wait so long for what follows: each message wakes the main thread, and that one whoever listens. */
const tellWithinUs = 20_000;
/** An error of sending is told at most this often; each time twice as long passes, to the second of these. */
const complaintUs = 10_000_000;
const complaintUsMax = 3_600_000_000;
/** The interface's MTU is looked at so often, when there is anything to do; an idle node has a HELLO to send by then. */
const mtuUs = 1_000_000;

/**
 * Drives the engine until it has stopped: waits for packets, messages and time, hands them in, and carries out what comes out. One
 * synchronous loop: it sleeps only in `wait`, so that an idle node costs nothing but its deadlines.
 */
export function runEngineLoop(parts: LoopParts): void {
  new EngineLoop(parts).run();
}

class EngineLoop {
  readonly #parts: LoopParts;
  readonly #meter: TrafficMeter;
  #toSource: SourceRequest[] = [];
  #toStage: StageRequest[] = [];
  #toMain: LoopNotice[] = [];
  /** When those are to be told at the latest. */
  #tellBy = Number.POSITIVE_INFINITY;
  #now: Micros;
  /** The socket is full: nothing more can be sent before Ready.send. */
  #blocked = false;
  /** Packets are known to be there that `wait` may not tell of. */
  readonly #more = { group: false, unicast: false };
  readonly #moderation = new Moderation();
  /** Whether DATA went out in the last turn. */
  #sending = false;
  #stopped = false;
  #complained = Number.NEGATIVE_INFINITY;
  #complaintUs = 0;
  #failures = 0;
  #mtuLooked = Number.NEGATIVE_INFINITY;
  /** Messages since memory was freed, and when the last one came. */
  #messages = 0;
  #messageAt: Micros;
  readonly #onControl = (packet: Uint8Array, from: Address): void => {
    this.#parts.engine.onControl(packet, from, this.#now);
    this.#drain();
  };

  constructor(parts: LoopParts) {
    this.#parts = parts;
    this.#now = parts.now();
    this.#messageAt = this.#now;
    this.#meter = new TrafficMeter(() => {
      const { sentBytes = 0, sentPackets = 0 } = parts.net.counters();
      return sentBytes + sentPackets * IP_UDP_BYTES;
    });
  }

  run(): void {
    const { engine } = this.#parts;
    while (!this.#stopped) {
      const ready = this.#wait();
      if (ready & Ready.send) this.#blocked = false;
      // Some of it is left without waking anybody: it must be known when something is due.
      if (ready & Ready.wake || this.#now >= engine.deadline()) this.#takeMail();
      if (ready & Ready.unicast || this.#more.unicast) this.#receive("unicast");
      if (ready & Ready.group || this.#more.group) this.#receive("group");
      this.#now = this.#parts.now();
      if (this.#now - this.#mtuLooked >= mtuUs) this.#lookAtMtu();
      if (this.#now >= engine.deadline()) {
        engine.onTimeout(this.#now);
        this.#drain();
      }
      // The other threads can work meanwhile: to send wakes every receiver, which on a busy host may run first.
      this.#post();
      this.#send();
      this.#post();
      this.#rest();
    }
    this.#sayFarewell();
  }

  /** Sleeps until there is something to do. While much comes in, and nothing is being sent, packets and messages are left to gather. */
  #wait(): number {
    const { engine, net } = this.#parts;
    const forSend = this.#blocked;
    const timeoutUs = this.#timeout();
    const awake = this.#sending || timeoutUs === 0;
    const pauseUs = awake ? 0 : this.#moderation.pauseUs(this.#parts.now(), engine.awaited());
    let ready = 0;
    if (pauseUs > 0) ready = net.wait(Math.min(pauseUs, timeoutUs), { forSend, deaf: true });
    if (ready === 0) ready = net.wait(pauseUs > 0 ? this.#timeout() : timeoutUs, { forSend });
    this.#now = this.#parts.now();
    return ready;
  }

  #timeout(): number {
    if (this.#more.group || this.#more.unicast) return 0;
    const rest = this.#messages < collectAfterMessages ? Number.POSITIVE_INFINITY : this.#restAt;
    const left = Math.min(this.#parts.engine.deadline(), rest, this.#tellBy) - this.#parts.now();
    return Math.max(left, this.#blocked ? blockedPauseUs : 0);
  }

  get #restAt(): number {
    return this.#messageAt + collectAfterUs;
  }

  /** The collector of a thread that never returns to its event loop knows no pauses: what was used in a busy time would be kept for ever. */
  #rest(): void {
    const quiet = this.#messages >= collectAfterMessages && this.#now >= this.#restAt;
    if (!quiet && this.#messages < collectAtMessages) return;
    this.#messages = 0;
    this.#parts.collect();
  }

  #takeMail(): void {
    const { engine, mail } = this.#parts;
    const before = this.#messages;
    for (let replies = mail.takeSource(); replies !== undefined; replies = mail.takeSource()) {
      for (const reply of replies) {
        this.#messages++;
        engine.onSource(reply, this.#now);
        this.#drain();
      }
    }
    for (let replies = mail.takeStage(); replies !== undefined; replies = mail.takeStage()) {
      for (const reply of replies) {
        this.#messages++;
        engine.onStage(reply, this.#now);
        this.#drain();
      }
    }
    for (let command = mail.takeCommand(); command !== undefined; command = mail.takeCommand()) {
      this.#messages++;
      engine.onCommand(command, this.#now);
      this.#drain();
    }
    if (this.#messages === before) return;
    this.#messageAt = this.#now;
    this.#parts.atWork(this.#now);
  }

  #receive(socket: "group" | "unicast"): void {
    let more = true;
    for (let batch = 0; more && batch < batchesInTurn; batch++) {
      this.#now = this.#parts.now();
      const received = this.#parts.net.receive(socket, this.#onControl);
      more = received.more;
      if (received.touched === 0) continue;
      this.#moderation.onData(this.#now, received.touched);
      this.#parts.atWork(this.#now);
      this.#parts.engine.onReceived(this.#now);
      this.#drain();
    }
    this.#more[socket] = more;
  }

  /** Carries out all that the engine wants done. Messages to other threads are collected, to be posted together: each wakes its thread. */
  #drain(): void {
    const { engine } = this.#parts;
    for (let output = engine.poll(); output !== undefined; output = engine.poll()) this.#carryOut(output);
  }

  #carryOut(output: Output): void {
    const { net } = this.#parts;
    switch (output.kind) {
      case "control": {
        if (net.addControl(output.packet, output.to)) return;
        this.#note(net.sendControl());
        // What still has no room is lost, as it could be on the way: the protocol repeats what matters.
        net.addControl(output.packet, output.to);
        return;
      }
      case "source":
        this.#toSource.push(output.request);
        // What the source then says to the console is about what has been told.
        if (saysMore(output.request)) this.#tellBy = this.#now;
        return;
      case "stage":
        this.#toStage.push(output.request);
        return;
      case "event":
        if (output.event.kind === "stopped") {
          this.#stopped = true;
          return;
        }
        this.#tell(output.event);
        if (output.event.kind === "status") {
          this.#toMain.push({ kind: "traffic", rate: this.#meter.rate(this.#now), counters: net.counters() });
          this.#tellBy = this.#now;
        }
        return;
    }
  }

  /** Control packets first: they are few, and data waits for what they say. */
  #send(): void {
    const { engine, net } = this.#parts;
    if (this.#blocked) return;
    this.#sending = false;
    for (let batch = 0; batch < batchesInTurn; batch++) {
      if (!this.#note(net.sendControl())) return;
      if (net.rowsPending && !this.#note(net.sendRows())) return;
      this.#now = this.#parts.now();
      const count = engine.takeRows(net.rows, TX_ROWS_MAX, this.#now);
      this.#drain();
      if (count === 0) break;
      this.#sending = true;
      net.startRows(count);
    }
    if (net.rowsPending && !this.#note(net.sendRows())) return;
    this.#note(net.sendControl());
    this.#meter.look(this.#now);
  }

  /** Takes note of how sending went; false if it must wait. */
  #note(result: SendResult): boolean {
    if (result === "full") {
      this.#blocked = true;
      return false;
    }
    if (result !== "done") {
      this.#complain(result.errno);
      if (result.errno === LINUX_EMSGSIZE && this.#now > this.#mtuLooked) this.#lookAtMtu();
    }
    return true;
  }

  /** Says that packets cannot be sent, more and more seldom as long as it stays so. */
  #complain(errno: number): void {
    this.#failures++;
    const since = this.#now - this.#complained;
    if (since < this.#complaintUs) return;
    this.#complaintUs =
      since >= 2 * this.#complaintUs ? complaintUs : Math.min(complaintUsMax, 2 * this.#complaintUs);
    this.#complained = this.#now;
    const text = `cannot send (errno ${errno}); failures since the start: ${this.#failures}`;
    this.#tell({ kind: "log", level: 0, text });
  }

  /** Somebody may have changed it. */
  #lookAtMtu(): void {
    this.#mtuLooked = this.#now;
    const mtu = this.#parts.net.mtu();
    if (mtu === undefined) return;
    this.#parts.engine.onCommand({ kind: "mtu", mtu }, this.#now);
    this.#drain();
  }

  #post(): void {
    const { mail } = this.#parts;
    if (this.#toMain.length > 0 && this.#now >= this.#tellBy) {
      mail.toMain(this.#toMain);
      this.#toMain = [];
    }
    if (this.#toMain.length === 0) this.#tellBy = Number.POSITIVE_INFINITY;
    if (this.#toSource.length > 0) mail.toSource(this.#toSource);
    if (this.#toStage.length > 0) mail.toStage(this.#toStage);
    if (this.#toSource.length > 0) this.#toSource = [];
    if (this.#toStage.length > 0) this.#toStage = [];
  }

  #tell(event: EngineEvent): void {
    this.#toMain.push({ kind: "event", event });
    const byUs = this.#now + (canWait(event) ? tellWithinUs : 0);
    this.#tellBy = Math.min(this.#tellBy, byUs);
  }

  #sayFarewell(): void {
    const { net } = this.#parts;
    const until = this.#parts.now() + farewellUs;
    while (net.sendControl() === "full" && this.#parts.now() < until) {
      net.wait(until - this.#parts.now(), { forSend: true });
    }
    // Told last: the process may end on it, and with it what has not been sent.
    this.#tell({ kind: "stopped" });
    this.#post();
  }
}

const CAN_WAIT: ReadonlySet<EngineEvent["kind"]> = new Set(["started", "need", "progress", "outcome", "log"]);

/** Whether nobody acts upon an event before another one follows. */
function canWait({ kind }: EngineEvent): boolean {
  return CAN_WAIT.has(kind);
}

/** Whether the source answers a request with lines for the console. */
function saysMore({ kind }: SourceRequest): boolean {
  return kind === "names" || kind === "explain";
}
