import type { Address, EngineEvent, Outcome } from "../../src/engine/ports.ts";
import { type Journal, type PushRecord, type StageRecord, updatesOf } from "./journal.ts";
import type { PushPlan } from "./scenario.ts";

type PushEvent = Extract<
  EngineEvent,
  { readonly kind: "started" | "rejected" | "outcome" | "progress" | "need" | "removals" | "finished" }
>;

/** Why a host, or the whole push (host undefined, the text of the rejection), is without success; undefined if nothing explains it. */
export type Excuse = (
  host: string | undefined,
  record: PushRecord | undefined,
  outcome: Outcome | string,
) => string | undefined;

/** One push as the console of its owner sees it, compared word by word with what the disks know. */
export class PushWatch {
  readonly request: number;
  readonly plan: PushPlan;
  /** The owner's run of the daemon; with another one the push is over without a word. */
  readonly run: object;
  readonly since: number;
  hosts: readonly string[] = [];
  /** Members that were left out, as they never receive. */
  readOnly: readonly string[] = [];
  /** By name and address. */
  readonly outcomes = new Map<string, { readonly host: string; readonly outcome: Outcome }>();
  ended: "no" | "finished" | "rejected" | "owner died" = "no";
  endedAt = 0;
  rejection = "";
  cancelled = false;
  /** What each host was said to need, and the names that were told of it, in order. */
  readonly needs = new Map<string, { readonly updates: number; readonly removals: number }>();
  readonly removals = new Map<string, string[]>();
  readonly #done = new Map<string, number>();
  readonly #excuse: Excuse;
  readonly #addressOf: (host: string) => { readonly ip: number } | undefined;
  readonly #journal: Journal;
  #record: PushRecord | undefined;
  #find: () => PushRecord | undefined = () => undefined;

  constructor(
    request: number,
    options: {
      plan: PushPlan;
      run: object;
      since: number;
      journal: Journal;
      addressOf: (host: string) => { readonly ip: number } | undefined;
      excuse: Excuse;
    },
  ) {
    this.request = request;
    this.plan = options.plan;
    this.run = options.run;
    this.since = options.since;
    this.#journal = options.journal;
    this.#excuse = options.excuse;
    this.#addressOf = options.addressOf;
  }

  get record(): PushRecord | undefined {
    this.#record ??= this.#find();
    return this.#record;
  }

  onEvent(event: PushEvent, now: number): void {
    this.#journal.check(
      this.ended === "no",
      `push ${this.request}: an event "${event.kind}" after the last one`,
    );
    switch (event.kind) {
      case "started":
        return this.#started(event);
      case "outcome":
        return this.#outcome(event);
      case "progress":
        return this.#progress(event);
      case "removals":
        return this.#removed(event);
      case "need":
        return this.#need(event);
      case "rejected":
        return this.#rejected(event.text, now);
      case "finished":
        return this.#finished(now);
    }
  }

  /** To be called at every commit of this push: what was rejected changes nothing anywhere. */
  checkRejected(): void {
    if (this.ended !== "rejected" || this.#record === undefined) return;
    for (const stage of this.#record.stages.values()) {
      this.#journal.check(
        stage.committedAt === undefined,
        `push ${this.request} was rejected, but ${stage.host} has switched`,
      );
    }
  }

  #started(event: Extract<PushEvent, { kind: "started" }>): void {
    this.#journal.check(this.hosts.length === 0, `push ${this.request} starts twice`);
    this.#journal.check(event.hosts.length > 0, `push ${this.request} starts without targets`);
    // A stranger may pass for a host under its name, in a group without a key.
    this.#journal.check(
      new Set(event.hosts).size === event.hosts.length || this.#journal.strangers,
      `push ${this.request} has a target twice`,
    );
    const named = this.plan.hosts?.map((host) => `host${host}`);
    if (named !== undefined) {
      const same =
        (named.length === event.hosts.length || this.#journal.strangers) &&
        named.every((host) => event.hosts.includes(host));
      this.#journal.check(same, `push ${this.request} goes to ${event.hosts} where ${named} were named`);
    }
    const readOnly = named === undefined && this.plan.task.mode !== "check";
    const wrong = readOnly
      ? event.hosts.some((host) => this.#journal.isReadOnly(host)) ||
        !event.readOnly.every((host) => this.#journal.isReadOnly(host))
      : event.readOnly.length > 0;
    this.#journal.check(
      !wrong || this.#journal.strangers,
      `push ${this.request} goes to ${event.hosts}, and not to ${event.readOnly}`,
    );
    this.hosts = event.hosts;
    this.readOnly = event.readOnly;
    // The source has not seen it yet: the journal is asked when something depends on it.
    this.#find = () => this.#journal.find(event.key);
  }

  #progress({ sentBytes, contentBytes, hosts }: Extract<PushEvent, { kind: "progress" }>): void {
    this.#journal.check(sentBytes <= contentBytes, "progress beyond all there is");
    const names = hosts.map(({ host }) => host).sort();
    this.#journal.check(names.join() === [...this.hosts].sort().join(), "progress of other hosts");
    for (const { host, state, doneBytes } of hosts) {
      const before = this.#done.get(host) ?? 0;
      const told = this.outcomes.size > 0 && [...this.outcomes.values()].some((one) => one.host === host);
      if (this.#journal.strangers) continue;
      this.#journal.check(before <= doneBytes && doneBytes <= contentBytes, `${host} was further already`);
      this.#journal.check(
        (state === "ended") === told,
        `${host} has ${told ? "an" : "no"} outcome, and is ${state}`,
      );
      this.#done.set(host, doneBytes);
    }
  }

  #removed({ host, paths }: Extract<PushEvent, { kind: "removals" }>): void {
    this.#journal.check(this.plan.names && paths.length > 0, "names are told that nobody wants");
    this.#journal.check(!this.needs.has(host) || this.#journal.strangers, "names are told after the need");
    const names = this.removals.get(host) ?? [];
    this.removals.set(host, names);
    for (const path of paths) names.push(new TextDecoder().decode(path));
  }

  /** What a host needs is told once, before anything is decided, and it is what its disk has found. */
  #need({ host, updates, removals }: Extract<PushEvent, { kind: "need" }>): void {
    this.#record ??= this.#find();
    const told = [...this.outcomes.values()].some((one) => one.host === host);
    const once = this.hosts.includes(host) && !this.needs.has(host) && !told;
    this.#journal.check(
      once || this.#journal.strangers,
      `push ${this.request}: a need of ${host}, again or too late`,
    );
    this.#journal.check(
      this.#record?.unions.size === 0,
      `push ${this.request} goes on before ${host} has answered`,
    );
    this.needs.set(host, { updates, removals });
    const names = this.removals.get(host) ?? [];
    const { dryRun, task } = this.plan;
    // A host that refuses their number keeps its names: none of them is told as one that goes.
    const refused = !dryRun && removals > (task.removesMax ?? Number.POSITIVE_INFINITY);
    const fits = [...(this.#record?.stages.values() ?? [])].some(
      (stage) =>
        stage.host === host &&
        updatesOf(stage) === updates &&
        (stage.removals?.length ?? 0) === removals &&
        (!this.plan.names || sameNames(refused ? [] : (stage.removals ?? []), names)),
    );
    this.#journal.check(
      fits || this.#journal.strangers,
      `push ${this.request}: ${host} is said to need ${updates} and ${removals}, which is not so`,
    );
  }

  #outcome({ host, address, outcome }: Extract<PushEvent, { kind: "outcome" }>): void {
    this.#record ??= this.#find();
    this.#journal.check(
      this.hosts.includes(host),
      `push ${this.request}: an outcome for ${host}, which is no target`,
    );
    // Strangers may share a name, and an address, too.
    const stranger = this.#journal.strangers && !this.#isReal(host, address);
    const target = `${host} ${address.ip}:${address.port}${stranger ? ` ${this.outcomes.size}` : ""}`;
    this.#journal.check(!this.outcomes.has(target), `push ${this.request}: ${host} has two outcomes`);
    this.outcomes.set(target, { host, outcome });
    // Nobody knows what somebody else under this name has.
    if (stranger) return;
    const stages = [...(this.#record?.stages.values() ?? [])].filter((stage) => stage.host === host);
    if (outcome.kind === "complete") return this.#complete(host, stages, outcome.updates);
    const committed = stages.some((stage) => stage.committedAt !== undefined);
    if (outcome.kind !== "lost") {
      this.#journal.check(
        !committed,
        `push ${this.request}: ${host} is said to have ${outcome.kind}, but has switched`,
      );
    }
    const excuse = this.#excuse(host, this.#record, outcome);
    this.#journal.check(
      excuse !== undefined,
      `push ${this.request}: ${host} ${outcome.kind} (${outcome.text}) without any reason`,
    );
  }

  /** No false success. */
  #complete(host: string, stages: readonly StageRecord[], updates: number): void {
    // Nothing is asked about the only section of an empty manifest.
    const sections = this.#record?.sections.filter(({ count }) => count > 0).length ?? 0;
    const fits = stages.find((stage) => {
      const answers = [...stage.answers.values()].filter(({ entries }) => entries > 0).length;
      if (answers !== sections || updatesOf(stage) !== updates || stage.tooMany) return false;
      const removals = stage.removals?.length ?? (this.#record?.terms.removes === true ? 1 : 0);
      return this.#dry || updates + removals === 0 || stage.committedAt !== undefined;
    });
    this.#journal.check(
      this.needs.has(host),
      `push ${this.request}: ${host} is complete, and it was never told what it needs`,
    );
    this.#journal.check(
      fits !== undefined,
      `push ${this.request}: ${host} is said to be complete (${updates}), but is not`,
    );
    if (this.#dry) {
      this.#journal.check(
        fits.committedAt === undefined,
        `push ${this.request}: a dry run has changed ${host}`,
      );
    }
  }

  /** Whether nothing is to be changed anywhere. */
  get #dry(): boolean {
    return this.plan.dryRun || this.plan.task.mode === "check";
  }

  #rejected(text: string, now: number): void {
    this.#record ??= this.#find();
    this.ended = "rejected";
    this.endedAt = now;
    this.rejection = text;
    this.checkRejected();
    const reason = this.#excuse(undefined, this.#record, text);
    this.#journal.check(
      reason !== undefined,
      `push ${this.request} is rejected (${text}) without any reason`,
    );
  }

  #finished(now: number): void {
    this.ended = "finished";
    this.endedAt = now;
    const told = [...this.outcomes.values()].map(({ host }) => host).sort();
    this.#journal.check(
      told.join(" ") === [...this.hosts].sort().join(" "),
      `push ${this.request} goes to ${this.hosts.join(" ")}, but there are outcomes for ${told.join(" ")}`,
    );
    this.#checkSkipped();
  }

  /** Where nothing is received the console was given every name, if it wanted names and the manifest was read. */
  #checkSkipped(): void {
    const complete = [...this.outcomes.values()].some(({ outcome }) => outcome.kind === "complete");
    const sections = this.#record?.sections.filter(({ count }) => count > 0).length ?? 0;
    if (!complete || !this.plan.names || this.plan.task.mode === "prune" || this.#journal.strangers) return;
    for (const host of this.readOnly) {
      const told = this.#record?.skipped.get(host)?.size ?? 0;
      this.#journal.check(told === sections, `push ${this.request}: not all was shown as skipped by ${host}`);
    }
  }

  #isReal(host: string, address: Address): boolean {
    return this.#addressOf(host)?.ip === address.ip;
  }
}

function sameNames(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((name, index) => name === others[index]);
}
