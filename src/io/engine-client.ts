import type { Address, Command, EngineEvent, EngineStatus, MemberInfo, Outcome } from "../engine/ports.ts";
import type { PushKey, Selection, Task } from "../wire/disk-port.ts";
import { withErrorText } from "./errno-text.ts";
import type { PushLine } from "./push-lines.ts";

/** What a console can ask of a push. */
export type PushOrder = {
  readonly selection: Selection;
  readonly dryRun: boolean;
  /** undefined: every member. */
  readonly hosts: readonly string[] | undefined;
  /** Whether a line for each entry and host is wanted. */
  readonly names: boolean;
  readonly task: Task;
  /** Whether to be told how far it is. */
  readonly progress: boolean;
};

/** How far a push is. */
export type PushProgress = Omit<Extract<EngineEvent, { kind: "progress" }>, "kind" | "request">;

/** What a push tells the one who ordered it. `ended` comes last, once; a push that cannot begin tells nothing else. */
export type PushListener = {
  /** Its targets, and the members that do not receive and are none. Comes before everything else. */
  started(hosts: readonly string[], readOnly: readonly string[]): void;
  /** What a host needs, all of it: entries that change, or would, and names that are, or would be, removed. */
  need(host: string, updates: number, removals: number): void;
  /** Names that are, or would be, removed at a host. */
  removals(host: string, paths: readonly Uint8Array[]): void;
  progress(progress: PushProgress): void;
  line(line: PushLine): void;
  outcome(host: string, address: Address, outcome: Outcome): void;
  /** `rejected`: why the push did not begin or go on; undefined: every target has its outcome. */
  ended(rejected: string | undefined): void;
};

type Push = {
  readonly order: PushOrder;
  readonly listener: PushListener;
  key: string | undefined;
  /** The engine's last event for this push, once it has come. */
  end: { readonly rejected: string | undefined } | undefined;
  /** The source will send no more lines. */
  sourceClosed: boolean;
};

/** Pushes that the engine is given at once: it refuses what it cannot remember. Others wait here, in the order in which they came. */
const postedMax = 32;
/** Sources whose push has not been named yet: events and lines come from two threads, so a line may be first. */
const unclaimedMax = 64;

/**
 * The engine, as the main thread sees it: gives commands their numbers and takes events and source lines to whom they belong. A push ends
 * here only when the engine has finished it and its source is closed: then no line of it can follow.
 */
export class EngineClient {
  readonly #post: (command: Command) => void;
  readonly #pushes = new Map<number, Push>();
  readonly #requestsByKey = new Map<string, number>();
  readonly #unclaimed = new Map<string, { readonly lines: PushLine[]; closed: boolean }>();
  readonly #members = new Map<number, (members: readonly MemberInfo[]) => void>();
  readonly #statuses = new Map<number, (status: EngineStatus) => void>();
  /** Pushes that the engine does not know yet. */
  #waiting: number[] = [];
  #posted = 0;
  #lastRequest = 0;

  constructor(post: (command: Command) => void) {
    this.#post = post;
  }

  /** Starts a push. `cancel` may be called at any time, also when it has ended. */
  push(order: PushOrder, listener: PushListener): { cancel(): void } {
    const request = ++this.#lastRequest;
    this.#pushes.set(request, { order, listener, key: undefined, end: undefined, sourceClosed: false });
    this.#waiting.push(request);
    this.#postNext();
    return {
      cancel: () => {
        const push = this.#pushes.get(request);
        if (this.#forget(request)) listener.ended("cancelled");
        else if (push !== undefined && push.end === undefined) this.#post({ kind: "cancel", request });
      },
    };
  }

  members(answer: (members: readonly MemberInfo[]) => void): void {
    const request = ++this.#lastRequest;
    this.#members.set(request, answer);
    this.#post({ kind: "members", request });
  }

  status(answer: (status: EngineStatus) => void): void {
    const request = ++this.#lastRequest;
    this.#statuses.set(request, answer);
    this.#post({ kind: "status", request });
  }

  /** Says goodbye to the group; the event `stopped` follows. */
  stop(): void {
    this.#post({ kind: "stop" });
    for (const request of [...this.#waiting]) {
      const push = this.#pushes.get(request);
      if (this.#forget(request)) push?.listener.ended("this server is stopping");
    }
  }

  /** Takes an event of the engine. `log` and `stopped` are not for here. */
  onEvent(event: EngineEvent): void {
    switch (event.kind) {
      case "started":
        this.#start(event);
        break;
      case "need":
        this.#listener(event.request)?.need(event.host, event.updates, event.removals);
        break;
      case "removals":
        this.#listener(event.request)?.removals(event.host, event.paths);
        break;
      case "progress": {
        const { phase, sentBytes, contentBytes, hosts } = event;
        this.#listener(event.request)?.progress({ phase, sentBytes, contentBytes, hosts });
        break;
      }
      case "outcome":
        this.#listener(event.request)?.outcome(event.host, event.address, inWords(event.outcome));
        break;
      case "finished":
      case "rejected":
        this.#end(event.request, event.kind === "rejected" ? event.text : undefined);
        break;
      case "members":
        take(this.#members, event.request)?.(event.members);
        break;
      case "status":
        take(this.#statuses, event.request)?.(event.status);
        break;
      default:
        break;
    }
  }

  /** Takes lines of the source, in their order. */
  onLines(key: PushKey, lines: readonly PushLine[]): void {
    const push = this.#pushOf(key);
    if (push === undefined) this.#unclaimedOf(key).lines.push(...lines);
    else for (const line of lines) push.listener.line(line);
  }

  /** The source has closed the push: no more lines of it. */
  onSourceClosed(key: PushKey): void {
    const push = this.#pushOf(key);
    if (push === undefined) {
      this.#unclaimedOf(key).closed = true;
      return;
    }
    push.sourceClosed = true;
    this.#settle(this.#requestsByKey.get(keyText(key)));
  }

  #postNext(): void {
    while (this.#posted < postedMax) {
      const request = this.#waiting.shift();
      const push = request === undefined ? undefined : this.#pushes.get(request);
      if (request === undefined || push === undefined) return;
      this.#posted++;
      this.#post({ kind: "push", request, ...push.order });
    }
  }

  /** Drops a push that waits here; false: it does not. */
  #forget(request: number): boolean {
    const at = this.#waiting.indexOf(request);
    if (at < 0) return false;
    this.#waiting.splice(at, 1);
    return this.#pushes.delete(request);
  }

  #listener(request: number): PushListener | undefined {
    return this.#pushes.get(request)?.listener;
  }

  #start({ request, key, hosts, readOnly }: Extract<EngineEvent, { kind: "started" }>): void {
    const push = this.#pushes.get(request);
    if (push === undefined) return;
    push.listener.started(hosts, readOnly);
    const text = keyText(key);
    push.key = text;
    this.#requestsByKey.set(text, request);
    const early = take(this.#unclaimed, text);
    for (const line of early?.lines ?? []) push.listener.line(line);
    if (early?.closed) push.sourceClosed = true;
  }

  #end(request: number, rejected: string | undefined): void {
    const push = this.#pushes.get(request);
    if (push === undefined || push.end !== undefined) return;
    push.end = { rejected };
    this.#posted--;
    this.#postNext();
    this.#settle(request);
  }

  #settle(request: number | undefined): void {
    const push = request === undefined ? undefined : this.#pushes.get(request);
    if (request === undefined || push?.end === undefined) return;
    if (push.key !== undefined && !push.sourceClosed) return;
    this.#pushes.delete(request);
    if (push.key !== undefined) this.#requestsByKey.delete(push.key);
    push.listener.ended(push.end.rejected);
  }

  #pushOf(key: PushKey): Push | undefined {
    const request = this.#requestsByKey.get(keyText(key));
    return request === undefined ? undefined : this.#pushes.get(request);
  }

  #unclaimedOf(key: PushKey): { readonly lines: PushLine[]; closed: boolean } {
    const text = keyText(key);
    let entry = this.#unclaimed.get(text);
    if (entry === undefined) {
      entry = { lines: [], closed: false };
      this.#unclaimed.set(text, entry);
      const [oldest] = this.#unclaimed.keys();
      if (this.#unclaimed.size > unclaimedMax && oldest !== undefined) this.#unclaimed.delete(oldest);
    }
    return entry;
  }
}

function keyText(key: PushKey): string {
  return `${key.owner}/${key.push}`;
}

function take<K, V>(map: Map<K, V>, key: K): V | undefined {
  const value = map.get(key);
  map.delete(key);
  return value;
}

function inWords(outcome: Outcome): Outcome {
  return outcome.kind === "failed" ? { kind: "failed", text: withErrorText(outcome.text) } : outcome;
}
