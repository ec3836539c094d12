import type { Address, Outcome } from "../engine/ports.ts";
import type { PushListener, PushOrder, PushProgress } from "../io/engine-client.ts";
import { formatIp } from "../io/ip.ts";
import type { PushLine } from "../io/push-lines.ts";
import { excludesFault } from "./excludes.ts";
import { fromJsonName, latin1ToJsonName, toJsonName } from "./json-name.ts";
import type { JsonEvent, JsonName, JsonPush } from "./json-protocol.ts";
import { Rates } from "./rates.ts";

/** One push of the JSON console: what it asks of the engine, and what it tells of it. */

/** What is needed to make an order of a request. Patterns are bytes, one character each. */
export type OrderContext = {
  readonly excludes: readonly string[];
  /** Where the request names none. */
  readonly compressLevel: number;
  resolveGroup(group: string): number | undefined;
};

/** A request as the engine wants it, or what is wrong with it, for people. */
export function toOrder(
  request: JsonPush,
  { excludes, resolveGroup, ...usual }: OrderContext,
): PushOrder | string {
  const { mode = "send", removes = "nothing", recursive, group, hosts } = request;
  const paths = allBytes(request.paths);
  if (paths === undefined) return "paths: one is empty, or no text, or has a NUL byte";
  if (paths.length === 0 && !recursive) return "a path or recursive is needed";
  if (mode === "check" && removes !== "nothing") return "a check removes nothing";
  if (mode === "prune" && removes === "nothing") return "to prune, removes must be missing or extra";
  if (hosts?.some((host) => !host.isWellFormed())) return "hosts: one is no text";
  const own = allBytes(request.excludes ?? []);
  if (own === undefined) return "excludes: one is empty, or no text, or has a NUL byte";
  const patterns = [...new Set([...excludes, ...own.map((bytes) => Buffer.from(bytes).toString("latin1"))])];
  const fault = excludesFault(patterns);
  if (fault !== undefined) return `excludes: ${fault}`;
  const gid = group === undefined ? undefined : resolveGroup(group);
  if (group !== undefined && gid === undefined) return `there is no group ${group}`;
  const { files: names = false, progress = false, dryRun = false, fsync = true } = request;
  const removesMax = removes === "nothing" ? undefined : request.removesMax;
  const bytes = patterns.map((pattern) => new Uint8Array(Buffer.from(pattern, "latin1")));
  const { compressLevel = usual.compressLevel } = request;
  const task = { mode, removes, removesMax, unflushed: !fsync, excludes: bytes, gid, compressLevel };
  return {
    selection: { paths, recursive },
    dryRun,
    hosts: hosts === undefined ? undefined : [...new Set(hosts)],
    names,
    task,
    progress,
  };
}

/** A `files` event names so many bytes of paths, about: whoever reads it needs a line's memory. */
const filesBytesMax = 32 << 10;

/** Turns what a push tells into events. */
export class JsonPushReport implements PushListener {
  readonly #id: number;
  readonly #check: boolean;
  readonly #files: boolean;
  readonly #emit: (event: JsonEvent) => void;
  readonly #now: () => number;
  readonly #begunMs: number;
  readonly #rates: Rates;
  /** Hosts that do not receive: every entry is a skipped one there. */
  #readOnly: ReadonlySet<string> = new Set();
  #good = true;

  /** `now` are milliseconds of a clock that only goes forward. */
  constructor(order: JsonPush, emit: (event: JsonEvent) => void, now: () => number) {
    this.#id = order.id;
    this.#check = order.mode === "check";
    this.#files = order.files === true;
    this.#emit = emit;
    this.#now = now;
    this.#begunMs = now();
    this.#rates = new Rates(this.#begunMs);
  }

  started(hosts: readonly string[], readOnly: readonly string[]): void {
    this.#readOnly = new Set(readOnly);
    this.#emit({ event: "started", id: this.#id, hosts, readOnly });
  }

  need(host: string, updates: number, removals: number): void {
    this.#emit({ event: "need", id: this.#id, host, updates, removals });
  }

  removals(host: string, paths: readonly Uint8Array[]): void {
    this.#tellFiles(host, "remove", paths.map(toJsonName));
  }

  progress({ phase, sentBytes, contentBytes, hosts }: PushProgress): void {
    const now = this.#now();
    const rates = this.#rates.sample(now, { sentBytes, hosts });
    this.#emit({
      event: "progress",
      id: this.#id,
      phase,
      seconds: this.#seconds(now),
      sentBytes,
      contentBytes,
      bytesPerSecond: rates.sent,
      hosts: hosts.map(({ host, state, doneBytes }) => ({
        host,
        state,
        doneBytes,
        bytesPerSecond: rates.hosts.get(host) ?? 0,
      })),
    });
  }

  line(line: PushLine): void {
    const id = this.#id;
    switch (line.kind) {
      case "names":
        this.#names(line);
        break;
      case "failure": {
        const { host, text, path } = line;
        const blamed = path === undefined ? {} : { path: latin1ToJsonName(path) };
        this.#emit({ event: "failure", id, host, text, ...blamed });
        break;
      }
      case "problem": {
        const severity = line.text.startsWith("error:") ? "error" : "notice";
        if (severity === "error") this.#good = false;
        const text = line.text.replace(/^(error|skip): /, "");
        this.#emit({ event: "problem", id, severity, text, path: latin1ToJsonName(line.path) });
        break;
      }
    }
  }

  outcome(host: string, { ip }: Address, outcome: Outcome): void {
    const { kind } = outcome;
    // What a check finds to be different is not as it should be.
    if (kind !== "complete" || (this.#check && outcome.updates > 0)) this.#good = false;
    const more = kind === "complete" ? { updates: outcome.updates } : { text: outcome.text };
    this.#emit({ event: "outcome", id: this.#id, host, address: formatIp(ip), outcome: kind, ...more });
  }

  ended(rejected: string | undefined): void {
    const why = rejected === undefined ? {} : { rejected };
    const ok = this.#good && rejected === undefined;
    this.#emit({ event: "finished", id: this.#id, ok, seconds: this.#seconds(this.#now()), ...why });
  }

  #names({ host, updated, skipped }: Extract<PushLine, { kind: "names" }>): void {
    if (!this.#files) return;
    const [changed, same] = this.#check ? (["differ", "same"] as const) : (["update", "skip"] as const);
    this.#tellFiles(host, changed, updated.map(latin1ToJsonName));
    this.#tellFiles(host, this.#readOnly.has(host) ? "readOnly" : same, skipped.map(latin1ToJsonName));
  }

  #tellFiles(
    host: string,
    action: Extract<JsonEvent, { event: "files" }>["action"],
    names: readonly JsonName[],
  ): void {
    if (!this.#files) return;
    let paths: JsonName[] = [];
    let bytes = 0;
    for (const name of names) {
      paths.push(name);
      bytes += typeof name === "string" ? name.length : name.base64.length;
      if (bytes < filesBytesMax) continue;
      this.#emit({ event: "files", id: this.#id, host, action, paths });
      paths = [];
      bytes = 0;
    }
    if (paths.length > 0) this.#emit({ event: "files", id: this.#id, host, action, paths });
  }

  #seconds(now: number): number {
    return Math.round(now - this.#begunMs) / 1_000;
  }
}

function allBytes(names: readonly JsonName[]): Uint8Array[] | undefined {
  const bytes = names.map(fromJsonName);
  return bytes.every((one) => one !== undefined) ? bytes : undefined;
}
