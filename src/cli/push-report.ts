import type { Address, Outcome } from "../engine/ports.ts";
import type { PushListener } from "../io/engine-client.ts";
import { formatIp } from "../io/ip.ts";
import type { PushLine } from "../io/push-lines.ts";
import { displayBytes, displayText, textToBytes } from "./display.ts";

/** Lines are printed from these levels on; errors, removals of a dsync and differences always. */
const Level = { update: 1, same: 1, remove: 1, notice: 1, skip: 2, readOnly: 3 } as const;

/** What a push is, and how much of it is to be told. */
export type Shown = {
  readonly level: number;
  readonly dryRun: boolean;
  readonly verb: "send" | "sync" | "dsync" | "check";
  /** A host that would remove more names changes nothing. Undefined: no limit. */
  readonly removesMax: number | undefined;
};

/**
 * Turns what a push tells into the console's result lines. Each host that does not have everything gives at least one line that starts
 * with `error:` and names it, and so does each of the sender's own files that could not be sent: that is how a client knows.
 */
export class PushReport implements Omit<PushListener, "progress"> {
  readonly #shown: Shown;
  readonly #print: (line: string) => void;
  /** Files that a dry run at level 0 has named: there each counts once, for all hosts. */
  readonly #named = { update: new Set<string>(), delete: new Set<string>() };
  /** Hosts that do not receive: every entry is a skipped one there. */
  #readOnly: ReadonlySet<string> = new Set();
  /** How many names would go at the hosts that refuse because of their number. */
  readonly #refusing = new Map<string, number>();
  /** Hosts whose failure has been told by file name. */
  readonly #explained = new Set<string>();
  readonly #failed: { readonly host: string; readonly line: string }[] = [];

  constructor(shown: Shown, print: (line: string) => void) {
    this.#shown = shown;
    this.#print = print;
  }

  /** Whether the push must be asked for the names of what changes, host by host. */
  get wantsNames(): boolean {
    const { verb, dryRun, level } = this.#shown;
    return verb === "dsync" || verb === "check" || dryRun || level >= Level.update;
  }

  started(_hosts: readonly string[], readOnly: readonly string[]): void {
    this.#readOnly = new Set(readOnly);
  }

  need(host: string, _updates: number, removals: number): void {
    const { removesMax } = this.#shown;
    if (removesMax !== undefined && removals > removesMax) this.#refusing.set(host, removals);
  }

  removals(name: string, paths: readonly Uint8Array[]): void {
    const { verb, level } = this.#shown;
    const host = textToBytes(name);
    const shown = paths.map((path) => displayBytes(toLatin1(path)));
    if (verb === "dsync" || level >= Level.remove) {
      for (const path of shown) this.#print(`${this.#dryly}delete ${host}:${path}`);
    } else this.#once("delete", shown);
  }

  line(line: PushLine): void {
    switch (line.kind) {
      case "names":
        if (this.#readOnly.has(line.host)) this.#skippedReadOnly(textToBytes(line.host), line.skipped);
        else this.#names(textToBytes(line.host), line.updated, line.skipped);
        break;
      case "failure":
        this.#failure(line);
        break;
      case "problem":
        if (line.text.startsWith("error:") || this.#shown.level >= Level.notice)
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

  get #dryly(): string {
    return this.#shown.dryRun ? "(dryrun) " : "";
  }

  #names(host: string, updated: readonly string[], skipped: readonly string[]): void {
    const { verb, level } = this.#shown;
    if (verb === "dsync") return;
    if (verb === "check") {
      for (const path of updated) this.#print(`${host}: NG ${displayBytes(path)}`);
      if (level >= Level.same) for (const path of skipped) this.#print(`${host}: OK ${displayBytes(path)}`);
    } else if (level < Level.update) {
      this.#once("update", updated.map(displayBytes));
    } else {
      for (const path of updated) this.#print(`${this.#dryly}update ${host}:${displayBytes(path)}`);
      if (level >= Level.skip)
        for (const path of skipped) this.#print(`skip   ${host}:${displayBytes(path)}`);
    }
  }

  #skippedReadOnly(host: string, skipped: readonly string[]): void {
    if (this.#shown.level < Level.readOnly || this.#shown.verb === "dsync") return;
    for (const path of skipped) this.#print(`skipro ${host}:${displayBytes(path)}`);
  }

  /** At level 0, a dry run names what would change somewhere. */
  #once(what: "update" | "delete", paths: readonly string[]): void {
    if (!this.#shown.dryRun) return;
    const named = this.#named[what];
    for (const path of paths) {
      if (named.has(path)) continue;
      named.add(path);
      this.#print(`(dryrun) [${what}:${path}]`);
    }
  }

  #failure({ host: name, path, text }: Extract<PushLine, { kind: "failure" }>): void {
    const host = textToBytes(name);
    if (this.#shown.verb === "dsync" && path !== undefined) {
      // Not the line that a client looks for to know that a host has failed: that one comes as well.
      this.#print(`delete error (${text.replace(/^cannot remove: /, "")}) ${host}:${displayBytes(path)}`);
      return;
    }
    this.#explained.add(name);
    const removals = this.#refusing.get(name);
    const why = removals === undefined ? text : `${text} (${removals}, at most ${this.#shown.removesMax})`;
    this.#print(`error: ${why} ${host}${path === undefined ? "" : `:${displayBytes(path)}`}`);
  }
}

function toLatin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
