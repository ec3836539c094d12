import type { Address, Outcome } from "../engine/ports.ts";
import { formatIp } from "../io/interfaces.ts";
import type { PushLine } from "../io/push-lines.ts";
import { displayBytes, displayText, textToBytes } from "./display.ts";

/** Lines are printed from these levels on; errors always. */
const Level = { update: 1, skip: 2 } as const;

/**
 * Turns what a push tells into the console's result lines. Each host that does not have everything gives at least one line that starts
 * with `error:` and names it, and so does each of the sender's own files that could not be sent: that is how a client knows.
 */
export class PushReport {
  readonly #level: number;
  readonly #dryRun: boolean;
  readonly #print: (line: string) => void;
  /** Files that a dry run at level 0 has named: there each counts once, for all hosts. */
  readonly #named = new Set<string>();
  /** Hosts whose failure has been told by file name. */
  readonly #explained = new Set<string>();
  readonly #failed: { readonly host: string; readonly line: string }[] = [];

  constructor(shown: { readonly level: number; readonly dryRun: boolean }, print: (line: string) => void) {
    this.#level = shown.level;
    this.#dryRun = shown.dryRun;
    this.#print = print;
  }

  /** Whether the push must be asked for a line for each entry and host. */
  get wantsNames(): boolean {
    return this.#dryRun || this.#level >= Level.update;
  }

  line(line: PushLine): void {
    switch (line.kind) {
      case "names":
        this.#names(textToBytes(line.host), line.updated, line.skipped);
        break;
      case "failure": {
        const host = textToBytes(line.host);
        this.#explained.add(line.host);
        this.#print(
          `error: ${line.text} ${host}${line.path === undefined ? "" : `:${displayBytes(line.path)}`}`,
        );
        break;
      }
      case "problem":
        if (line.text.startsWith("error:") || this.#level >= Level.update)
          this.#print(`${line.text} ${displayBytes(line.path)}`);
        break;
    }
  }

  outcome(host: string, address: Address, outcome: Outcome): void {
    if (outcome.kind === "complete") return;
    const where = `${formatIp(address.ip)}(${textToBytes(host)})`;
    if (outcome.kind === "lost") {
      // Whatever shows that it is lost (silence, no answer, it left): scripts know this one line.
      this.#print(`error: receive time out: ${where}`);
      return;
    }
    const line = `error: ${textToBytes(displayText(outcome.text))}: ${where}`;
    // The line with the file's name, if there is one, comes from another thread and may still be on its way.
    if (outcome.kind === "failed") this.#failed.push({ host, line });
    else this.#print(line);
  }

  /** The push is over and nothing else will come. `rejected`: why it did not take place. */
  ended(rejected: string | undefined): void {
    for (const { host, line } of this.#failed) if (!this.#explained.has(host)) this.#print(line);
    if (rejected === undefined) return;
    const text = textToBytes(displayText(rejected));
    this.#print(text.endsWith(" is not contained in members") ? text : `error: ${text}`);
  }

  #names(host: string, updated: readonly string[], skipped: readonly string[]): void {
    if (this.#level < Level.update) {
      if (!this.#dryRun) return;
      for (const path of updated) {
        if (this.#named.has(path)) continue;
        this.#named.add(path);
        this.#print(`(dryrun) [update:${displayBytes(path)}]`);
      }
      return;
    }
    const prefix = this.#dryRun ? "(dryrun) update" : "update";
    for (const path of updated) this.#print(`${prefix} ${host}:${displayBytes(path)}`);
    if (this.#level < Level.skip) return;
    for (const path of skipped) this.#print(`skip   ${host}:${displayBytes(path)}`);
  }
}
