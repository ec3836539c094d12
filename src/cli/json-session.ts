import type { MemberInfo } from "../engine/ports.ts";
import type { ConsoleOutput, ConsoleSession } from "../io/console.ts";
import type { ConsoleDaemon, DaemonStatus } from "../io/console-daemon.ts";
import { formatIp } from "../io/ip.ts";
import { CONSOLE_LINE_BYTES_MAX } from "./console-help.ts";
import { bytesToText } from "./display.ts";
import { latin1ToJsonName } from "./json-name.ts";
import { JSON_PROTOCOL, type JsonEvent, type JsonPush, type JsonStatus } from "./json-protocol.ts";
import { JsonPushReport, toOrder } from "./json-push.ts";
import { parseRequest } from "./json-requests.ts";
import { lineFault, NO_ROOM_TEXT, overlongText } from "./line-fault.ts";
import { trackLine } from "./text-session.ts";
import { version } from "./version.ts";

/** Requests of one connection that may run at once. */
export const JSON_RUNNING_MAX = 64;

/** The machine's console (json-protocol.ts) on one connection. */
export class JsonSession implements ConsoleSession {
  readonly lineBytesMax = CONSOLE_LINE_BYTES_MAX;
  readonly #daemon: ConsoleDaemon;
  readonly #output: ConsoleOutput;
  /** Patterns that hold for every push. Bytes, one character each. */
  readonly #excludes: readonly string[];
  /** What runs; `cancel`: how to end a push early. */
  readonly #running = new Map<number, { cancel: (() => void) | undefined }>();
  #state: "open" | "hungUp" | "quitting" | "over" = "open";

  constructor(daemon: ConsoleDaemon, output: ConsoleOutput, excludes: readonly string[]) {
    this.#daemon = daemon;
    this.#output = output;
    this.#excludes = excludes;
    const { name, group } = daemon;
    this.#emit({ event: "hello", protocol: JSON_PROTOCOL, version, name, group });
  }

  get ready(): boolean {
    return this.#state === "open" || this.#state === "hungUp";
  }

  line(text: string): void {
    if (text.trim() === "") return;
    const fault = lineFault(text);
    if (fault !== undefined) return this.#emit({ event: "error", text: fault });
    const parsed = parseRequest(bytesToText(text));
    if ("fault" in parsed) return this.#refuse(parsed.fault, parsed.id);
    const { request } = parsed;
    switch (request.request) {
      case "quit":
        return this.#quit();
      case "cancel":
        // It may have ended a moment ago.
        this.#running.get(request.id)?.cancel?.();
        return;
      case "push":
        return this.#push(request, text);
      case "members":
        return this.#run(request.id, text, (done) => {
          this.#daemon.engine.members((members) => {
            this.#emit({ event: "members", id: request.id, members: members.map(toJsonMember) });
            done();
          });
          return undefined;
        });
      case "status":
        return this.#run(request.id, text, (done) => {
          this.#daemon.status((status) => {
            this.#emit({ event: "status", id: request.id, status: toJsonStatus(status) });
            done();
          });
          return undefined;
        });
    }
  }

  overlong(): void {
    this.#emit({ event: "error", text: overlongText(this.lineBytesMax) });
  }

  hungUp(): void {
    if (this.#state === "open") this.#state = "hungUp";
    this.#cancelAll();
  }

  inputEnded(): void {
    this.#quit();
  }

  closed(): void {
    this.#state = "over";
    this.#cancelAll();
  }

  #push(request: JsonPush, line: string): void {
    const { id } = request;
    if (this.#state === "hungUp") return this.#refuse("nobody listens to a push any more", id);
    if (this.#daemon.noSend) return this.#refuse("this server can't send", id);
    const order = toOrder(request, {
      excludes: this.#excludes,
      compressLevel: this.#daemon.compressLevel,
      resolveGroup: (group) => this.#daemon.resolveGroup(group),
    });
    if (typeof order === "string") return this.#refuse(order, id);
    this.#run(id, line, (done) => {
      const report = new JsonPushReport(
        request,
        (event) => this.#emit(event),
        () => performance.now(),
      );
      return this.#daemon.engine.push(order, {
        started: (hosts, readOnly) => report.started(hosts, readOnly),
        need: (host, updates, removals) => report.need(host, updates, removals),
        removals: (host, paths) => report.removals(host, paths),
        progress: (progress) => report.progress(progress),
        line: (sourceLine) => report.line(sourceLine),
        outcome: (host, address, outcome) => report.outcome(host, address, outcome),
        ended: (rejected) => {
          report.ended(rejected);
          done();
        },
      });
    });
  }

  /** Runs what takes time beside everything else; `begin` returns how to end it early, if that makes sense. */
  #run(id: number, line: string, begin: (done: () => void) => { cancel(): void } | undefined): void {
    if (this.#running.has(id)) return this.#refuse(`id ${id} is in use`, undefined);
    if (this.#running.size >= JSON_RUNNING_MAX)
      return this.#refuse(`more than ${JSON_RUNNING_MAX} requests at once`, id);
    const release = this.#output.hold(line.length);
    if (release === undefined) return this.#refuse(NO_ROOM_TEXT, id);
    const untrack = trackLine(this.#daemon, line);
    const running: { cancel: (() => void) | undefined } = { cancel: undefined };
    this.#running.set(id, running);
    const begun = begin(() => {
      release();
      untrack();
      this.#running.delete(id);
      if (this.#state === "quitting") this.#quit();
    });
    running.cancel = begun?.cancel;
  }

  /** What a request cannot have. With the id of one that runs, it would seem to be about that one. */
  #refuse(text: string, id: number | undefined): void {
    if (id === undefined || this.#running.has(id)) this.#emit({ event: "error", text });
    else this.#emit({ event: "error", id, text });
  }

  #quit(): void {
    if (this.#state === "over") return;
    this.#state = this.#running.size === 0 ? "over" : "quitting";
    if (this.#state === "over") this.#output.end();
  }

  #cancelAll(): void {
    for (const { cancel } of this.#running.values()) cancel?.();
  }

  #emit(event: JsonEvent): void {
    if (this.#state !== "over") this.#output.write(Buffer.from(`${JSON.stringify(event)}\n`, "utf8"));
  }
}

type JsonMember = Extract<JsonEvent, { event: "members" }>["members"][number];

function toJsonMember({ name, address, version, noReceive, noSend }: MemberInfo): JsonMember {
  return { name, address: formatIp(address.ip), version, noReceive, noSend };
}

function toJsonStatus(status: DaemonStatus): JsonStatus {
  const { process, version, base, chroot, receiveBuffer, sendBuffer, rate, rateLimit, counters } = status;
  const { sending, receiving } = status.engine;
  return {
    process,
    version,
    base: latin1ToJsonName(base),
    chroot,
    receiveBuffer,
    sendBuffer,
    rate: Math.round(rate),
    ...(rateLimit === undefined ? {} : { rateLimit }),
    commands: status.commands.map(bytesToText),
    sending,
    receiving,
    counters,
  };
}
