import { parseIp } from "../io/ip.ts";
import { displayBytes, displayText, textToBytes } from "./display.ts";
import { nameBytes } from "./json-events.ts";
import type { JsonEvent } from "./json-protocol.ts";
import type { MsyncPush } from "./msync-options.ts";
import { judgeLine } from "./msync-script.ts";
import { PushReport } from "./push-report.ts";

/** From this level on, what hosts that never receive miss is told. */
const readOnlyLevel = 3;

type Outcome = Parameters<PushReport["outcome"]>[2];

/**
 * Result lines from the events of the machine's console: the same as the text console prints. `--delete` is a send and a dsync in one, and prints
 * the lines of both.
 */
export class MsyncReport {
  readonly #level: number;
  readonly #report: PushReport;
  readonly #removals: PushReport;
  readonly #print: (fd: 1 | 2, lines: readonly string[]) => void;
  /** Lines of the event at hand. */
  #lines: string[] = [];
  #failed = false;
  #over = false;

  constructor(
    shown: { readonly level: number } & Pick<MsyncPush, "mode" | "removes" | "removesMax" | "dryRun">,
    print: (fd: 1 | 2, lines: readonly string[]) => void,
  ) {
    const { level, mode, removes, removesMax, dryRun } = shown;
    const reportOf = (verb: "send" | "sync" | "dsync" | "check") =>
      new PushReport({ level, dryRun, verb, removesMax }, (line) => this.#lines.push(line));
    this.#level = level;
    this.#print = print;
    this.#report = reportOf(mode === "check" ? "check" : removes === "missing" ? "sync" : "send");
    this.#removals = removes === "extra" ? reportOf("dsync") : this.#report;
  }

  /** Whether the push must be asked for `files` events. */
  get wantsNames(): boolean {
    return this.#report.wantsNames || this.#removals.wantsNames;
  }

  /** Whether a line has said that something failed. */
  get failed(): boolean {
    return this.#failed;
  }

  event(event: JsonEvent): void {
    switch (event.event) {
      case "need":
        for (const report of new Set([this.#report, this.#removals]))
          report.need(event.host, event.updates, event.removals);
        break;
      case "files":
        this.#files(event);
        break;
      case "problem": {
        const kind = event.severity === "error" ? "error" : "skip";
        const text = `${kind}: ${textToBytes(displayText(event.text))}`;
        this.#report.line({ kind: "problem", path: nameBytes(event.path), text });
        break;
      }
      case "failure": {
        const path = event.path === undefined ? undefined : nameBytes(event.path);
        this.#report.line({
          kind: "failure",
          host: event.host,
          path,
          text: textToBytes(displayText(event.text)),
        });
        break;
      }
      case "outcome":
        this.#report.outcome(event.host, { ip: parseIp(event.address), port: 0 }, outcomeOf(event));
        break;
      case "finished":
        this.#over = true;
        this.#report.ended(event.rejected);
        break;
      default:
        return;
    }
    this.#flush();
  }

  /** No event will come any more: what waited for more is told. */
  stopped(): void {
    if (this.#over) return;
    this.#over = true;
    this.#report.ended(undefined);
    this.#flush();
  }

  #files(event: Extract<JsonEvent, { event: "files" }>): void {
    const { host, action } = event;
    const paths = event.paths.map(nameBytes);
    if (action === "update" || action === "differ")
      this.#report.line({ kind: "names", host, updated: paths, skipped: [] });
    else if (action === "skip" || action === "same")
      this.#report.line({ kind: "names", host, updated: [], skipped: paths });
    else if (action === "remove")
      this.#removals.removals(
        host,
        paths.map((path) => Buffer.from(path, "latin1")),
      );
    else if (action === "readOnly" && this.#level >= readOnlyLevel)
      for (const path of paths) this.#lines.push(`skipro ${textToBytes(host)}:${displayBytes(path)}`);
  }

  /** Prints what the event said, in its order, `error:` lines to stderr. */
  #flush(): void {
    const lines = this.#lines;
    this.#lines = [];
    for (let start = 0; start < lines.length; ) {
      const { to } = judgeLine(lines[start] ?? "");
      let end = start;
      for (; end < lines.length; end++) {
        const judged = judgeLine(lines[end] ?? "");
        if (judged.to !== to) break;
        this.#failed ||= judged.failure;
      }
      this.#print(to === "stderr" ? 2 : 1, lines.slice(start, end));
      start = end;
    }
  }
}

function outcomeOf(event: Extract<JsonEvent, { event: "outcome" }>): Outcome {
  const text = event.text ?? event.outcome;
  switch (event.outcome) {
    case "complete":
      return { kind: "complete", updates: event.updates ?? 0 };
    case "refused":
    case "lost":
      return { kind: event.outcome, text };
    default:
      return { kind: "failed", text };
  }
}
