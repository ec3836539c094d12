import type { ConsoleOutput, ConsoleSession } from "../io/console.ts";
import type { ConsoleDaemon } from "../io/console-daemon.ts";
import { type ConsoleCommand, type PushCommand, parseConsoleLine } from "./console-command.ts";
import { CONSOLE_HELP, CONSOLE_LINE_BYTES_MAX } from "./console-help.ts";
import { bytesToText, displayBytes } from "./display.ts";
import type { Excludes } from "./excludes.ts";
import { lineFault, NO_ROOM_TEXT, overlongText } from "./line-fault.ts";
import { PushReport } from "./push-report.ts";
import { membersLines, statusLines } from "./tables.ts";

/** Two bytes, no line end: the console's turn to speak. */
const PROMPT = "> ";
const aliveMs = 1_000;
/** What `status` tells of a running command at most, in bytes. */
const trackedBytesMax = 1_024;

/** Puts a command into the list that `status` tells, until the returned function is called. The line is bytes, one character each. */
export function trackLine(daemon: ConsoleDaemon, line: string): () => void {
  return daemon.track(
    line.length <= trackedBytesMax ? line : `${line.slice(0, trackedBytesMax)}... (${line.length} bytes)`,
  );
}

type TextSessionOptions = {
  readonly daemon: ConsoleDaemon;
  readonly output: ConsoleOutput;
  /** The connection's patterns. */
  readonly excludes: Excludes;
  /** Goes on in JSON, in this session's place. */
  readonly toJson: () => void;
};

/** The text protocol on one connection: commands run one after the other, each followed by a prompt. */
export class TextSession implements ConsoleSession {
  readonly lineBytesMax = CONSOLE_LINE_BYTES_MAX;
  readonly #daemon: ConsoleDaemon;
  readonly #output: ConsoleOutput;
  readonly #excludes: Excludes;
  readonly #toJson: () => void;
  /** The command that is running; `cancel`: how to end one that only makes sense while someone listens. */
  #running: { readonly cancel: (() => void) | undefined; readonly stop: () => void } | undefined;
  #level = 0;
  #alive = false;
  #hungUp = false;
  #over = false;

  constructor({ daemon, output, excludes, toJson }: TextSessionOptions) {
    this.#daemon = daemon;
    this.#output = output;
    this.#excludes = excludes;
    this.#toJson = toJson;
    output.write(PROMPT);
  }

  get ready(): boolean {
    return this.#running === undefined && !this.#over;
  }

  line(text: string): void {
    const fault = lineFault(text);
    if (fault === undefined) this.#run(parseConsoleLine(text), text);
    else this.#answer(`error: ${fault}`);
  }

  overlong(): void {
    this.#answer(`error: ${overlongText(this.lineBytesMax)}`);
  }

  hungUp(): void {
    this.#hungUp = true;
    this.#running?.cancel?.();
  }

  inputEnded(): void {
    this.#leave();
  }

  closed(): void {
    this.#over = true;
    this.#running?.stop();
    this.#running?.cancel?.();
  }

  #run(command: ConsoleCommand, line: string): void {
    switch (command.kind) {
      case "push":
        // Whoever has hung up on a push does not want it; quick questions are still answered.
        if (!this.#hungUp) this.#push(command, line);
        return;
      case "members":
        this.#wait(line, (done) => this.#daemon.engine.members((members) => done(membersLines(members))));
        return;
      case "status":
        this.#wait(line, (done) => this.#daemon.status((status) => done(statusLines(status))));
        return;
      case "quit":
        this.#leave();
        return;
      case "json":
        this.#toJson();
        return;
      default:
        this.#answer(...this.#atOnce(command));
    }
  }

  /** The answer of a command that takes no time, in lines. */
  #atOnce(
    command: Exclude<ConsoleCommand, { kind: "push" | "members" | "status" | "quit" | "json" }>,
  ): readonly string[] {
    switch (command.kind) {
      case "exclude":
        return this.#exclude(command);
      case "loglevel":
        if (command.level === undefined) return [`loglevel: ${this.#level}`];
        this.#level = command.level;
        return [];
      case "alive":
        if (command.on === undefined) return [`alive: ${this.#alive ? "on" : "off"}`];
        this.#alive = command.on;
        return [];
      case "echo":
        return [command.text];
      case "help":
        return CONSOLE_HELP;
      case "invalid":
        return [`error: ${displayBytes(command.text)}`];
      case "unknown":
        return [`mexec: command error '${displayBytes(command.word)}'`];
      case "nothing":
        return [];
    }
  }

  #exclude(command: Extract<ConsoleCommand, { kind: "exclude" }>): readonly string[] {
    if (command.action === "list") return this.#excludes.list.map(displayBytes);
    if (command.action === "clear") {
      this.#excludes.clear();
      return [];
    }
    const fault =
      command.action === "add"
        ? this.#excludes.add(command.patterns)
        : this.#excludes.remove(command.patterns);
    return fault === undefined ? [] : [`error: exclude: ${fault}`];
  }

  #push(command: PushCommand, line: string): void {
    const { verb, dryRun, group } = command;
    if (this.#daemon.noSend) return this.#answer("error: this server can't send");
    const gid = group === undefined ? undefined : this.#daemon.resolveGroup(bytesToText(group));
    if (group !== undefined && gid === undefined)
      return this.#answer(`error: there is no group ${displayBytes(group)}`);
    const release = this.#output.hold(line.length);
    if (release === undefined) return this.#answer(`error: ${NO_ROOM_TEXT}`);
    const { removesMax } = command.task;
    const { compressLevel } = this.#daemon;
    const report = new PushReport({ level: this.#level, dryRun, verb, removesMax }, (text) =>
      this.#print(text),
    );
    this.#start(line, (done) =>
      this.#daemon.engine.push(
        {
          selection: { paths: command.paths.map(toBytes), recursive: command.recursive },
          dryRun,
          hosts: command.hosts,
          names: report.wantsNames,
          task: {
            ...command.task,
            unflushed: false,
            excludes: this.#excludes.list.map(toBytes),
            gid,
            compressLevel,
          },
          progress: false,
        },
        {
          started: (hosts, readOnly) => report.started(hosts, readOnly),
          need: (host, updates, removals) => report.need(host, updates, removals),
          progress: () => {},
          removals: (host, paths) => report.removals(host, paths),
          line: (sourceLine) => report.line(sourceLine),
          outcome: (host, address, outcome) => report.outcome(host, address, outcome),
          ended: (rejected) => {
            report.ended(rejected);
            release();
            done();
          },
        },
      ),
    );
  }

  #wait(line: string, ask: (done: (lines: readonly string[]) => void) => void): void {
    this.#start(line, (done) => {
      ask((lines) => {
        this.#print(...lines);
        done();
      });
      return undefined;
    });
  }

  /** Runs a command that takes time; `begin` returns how to end it early, if that makes sense. */
  #start(line: string, begin: (done: () => void) => { cancel(): void } | undefined): void {
    const untrack = trackLine(this.#daemon, line);
    const alive = this.#alive ? setInterval(() => this.#print("alive"), aliveMs) : undefined;
    const stop = () => clearInterval(alive);
    let over = false;
    const running = begin(() => {
      over = true;
      stop();
      untrack();
      this.#running = undefined;
      if (!this.#over) this.#output.write(PROMPT);
      this.#output.next();
    });
    // Some answer at once.
    if (!over) this.#running = { cancel: running?.cancel, stop };
  }

  #answer(...lines: readonly string[]): void {
    this.#print(...lines);
    this.#output.write(PROMPT);
  }

  #leave(): void {
    this.#over = true;
    this.#output.end();
  }

  #print(...lines: readonly string[]): void {
    if (!this.#over) this.#output.write(lines.map((line) => `${line}\n`).join(""));
  }
}

function toBytes(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "latin1"));
}
