import type { ConsoleOutput, ConsoleSession } from "../io/console.ts";
import type { ConsoleDaemon } from "../io/console-daemon.ts";
import { SEND_TASK } from "../wire/disk-port.ts";
import { CONSOLE_HELP, type ConsoleCommand, parseConsoleLine } from "./console-command.ts";
import { displayBytes } from "./display.ts";
import { PushReport } from "./push-report.ts";
import { membersLines, statusLines } from "./tables.ts";

/** Two bytes, no line end: the console's turn to speak. */
const PROMPT = "> ";
/** Commands that may wait behind a running one. */
const waitingMax = 10_000;

/** The text protocol on one connection: commands run one after the other, each followed by a prompt. */
export function openConsoleSession(daemon: ConsoleDaemon, output: ConsoleOutput): ConsoleSession {
  return new Session(daemon, output);
}

class Session implements ConsoleSession {
  readonly #daemon: ConsoleDaemon;
  readonly #output: ConsoleOutput;
  #waiting: string[] = [];
  /** The command that is running. `push`: how to end one that only makes sense while someone listens. */
  #running: { readonly cancel: (() => void) | undefined } | undefined;
  #level = 0;
  #inputEnded = false;
  #over = false;

  constructor(daemon: ConsoleDaemon, output: ConsoleOutput) {
    this.#daemon = daemon;
    this.#output = output;
    output.write(PROMPT);
  }

  line(text: string): void {
    if (this.#over) return;
    if (this.#waiting.length >= waitingMax) {
      this.#print("error: too many commands at once");
      this.#leave();
      return;
    }
    this.#waiting.push(text);
    this.#next();
  }

  inputEnded(): void {
    this.#inputEnded = true;
    // Whoever has hung up on a send does not want it; quick questions are still answered.
    this.#waiting = this.#waiting.filter((line) => parseConsoleLine(line).kind !== "send");
    this.#running?.cancel?.();
    this.#next();
  }

  closed(): void {
    this.#over = true;
    this.#waiting = [];
    this.#running?.cancel?.();
  }

  #next(): void {
    while (this.#running === undefined && !this.#over) {
      const line = this.#waiting.shift();
      if (line === undefined) {
        if (this.#inputEnded) this.#leave();
        return;
      }
      this.#run(parseConsoleLine(line), line);
    }
  }

  #run(command: ConsoleCommand, line: string): void {
    switch (command.kind) {
      case "send":
        this.#send(command, line);
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
      case "loglevel":
        if (command.level === undefined) this.#print(`loglevel: ${this.#level}`);
        else this.#level = command.level;
        break;
      case "echo":
        this.#print(command.text);
        break;
      case "help":
        this.#print(...CONSOLE_HELP);
        break;
      case "invalid":
        this.#print(`error: ${displayBytes(command.text)}`);
        break;
      case "unsupported":
        this.#print(`error: ${command.word} is not supported yet`);
        break;
      case "unknown":
        this.#print(`mexec: command error '${displayBytes(command.word)}'`);
        break;
      case "nothing":
        break;
    }
    this.#output.write(PROMPT);
  }

  #send(command: Extract<ConsoleCommand, { kind: "send" }>, line: string): void {
    const report = new PushReport({ level: this.#level, dryRun: command.dryRun }, (text) =>
      this.#print(text),
    );
    const untrack = this.#daemon.track(line);
    const push = this.#daemon.engine.push(
      {
        selection: {
          paths: command.paths.map((path) => new Uint8Array(Buffer.from(path, "latin1"))),
          recursive: command.recursive,
        },
        dryRun: command.dryRun,
        hosts: command.hosts,
        names: report.wantsNames,
        task: SEND_TASK,
        progress: false,
      },
      {
        line: (sourceLine) => report.line(sourceLine),
        outcome: (host, address, outcome) => report.outcome(host, address, outcome),
        ended: (rejected) => {
          untrack();
          report.ended(rejected);
          this.#done();
        },
      },
    );
    this.#running = { cancel: () => push.cancel() };
  }

  #wait(line: string, ask: (done: (lines: readonly string[]) => void) => void): void {
    const untrack = this.#daemon.track(line);
    this.#running = { cancel: undefined };
    ask((lines) => {
      untrack();
      this.#print(...lines);
      this.#done();
    });
  }

  #done(): void {
    this.#running = undefined;
    if (!this.#over) this.#output.write(PROMPT);
    this.#next();
  }

  #leave(): void {
    this.#over = true;
    this.#waiting = [];
    this.#output.end();
  }

  #print(...lines: readonly string[]): void {
    if (!this.#over) this.#output.write(lines.map((line) => `${line}\n`).join(""));
  }
}
