import type { EngineEvent, Outcome } from "../../src/engine/ports.ts";
import type { NodeId, PushId } from "../../src/wire/brand.ts";
import { PacketType } from "../../src/wire/constants.ts";
import type { PushKey } from "../../src/wire/disk-port.ts";
import { Prng } from "../support/prng.ts";
import { EventQueue } from "./event-queue.ts";
import { SimFailure } from "./failure.ts";
import { Host, type Surroundings } from "./host.ts";
import { HostTree } from "./host-tree.ts";
import { Journal, type PushRecord, type StageRecord } from "./journal.ts";
import { CLEAN_LINK, Network } from "./network.ts";
import { PushWatch } from "./push-watch.ts";
import type { PushPlan, Scenario } from "./scenario.ts";
import { addExtras } from "./terms.ts";
import type { Trace } from "./trace.ts";
import { ContentNumbers, clearFolder, editFolder, growFolder, type Tree } from "./tree.ts";

/** Trouble this long before a push may still be in the members' lists. */
const STALE_US = 6_000_000;

/** Hosts on a network, and everything that watches them. */
export class World {
  readonly queue = new EventQueue();
  readonly journal: Journal;
  readonly network: Network;
  readonly hosts: readonly Host[];
  readonly scenario: Scenario;
  readonly trace: Trace;
  readonly prng: Prng;
  readonly watches: PushWatch[] = [];
  readonly #numbers = new ContentNumbers();
  #requests = 0;

  constructor(scenario: Scenario, options: { seed: number; trace: Trace }) {
    const { trace } = options;
    this.scenario = scenario;
    this.trace = trace;
    this.prng = new Prng(options.seed).fork("world");
    this.journal = new Journal(() => this.queue.now, {
      strangers: scenario.hostile,
      isReadOnly: (host) => scenario.hosts.some((plan, index) => plan.noReceive && host === `host${index}`),
    });
    this.network = new Network({
      queue: this.queue,
      trace,
      prng: this.prng.fork("network"),
      hosts: scenario.hosts.length,
      link: (host) => scenario.hosts[host]?.link ?? CLEAN_LINK,
      closed: (host) => scenario.hosts[host]?.closed ?? false,
      loop: scenario.loop,
    });
    const { queue, network, journal, prng } = this;
    network.listen((packet) => noteCommit(journal, packet));
    const around: Surroundings = { scenario, queue, network, trace, journal, numbers: this.#numbers, prng };
    const base = this.#firstTree();
    this.hosts = scenario.hosts.map((_, index) => {
      const files: Tree = new Map(prng.fork(`tree ${index}`).below(3) === 0 ? [] : base);
      const tree = new HostTree(this.#withExtras(files, index));
      return new Host(index, around, {
        tree,
        onEvent: (event) => this.#onEvent(index, event),
        onOverrun: (key) => this.#onOverrun(index, key),
      });
    });
  }

  host(index: number): Host {
    const host = this.hosts[index];
    if (host === undefined) throw new Error("no such host");
    return host;
  }

  /** Hosts whose daemon runs. */
  get live(): readonly Host[] {
    return this.hosts.filter((host) => host.process !== undefined);
  }

  /** Lets time pass until `until`, or until `done`, which is looked at every `everyUs`; returns whether it came to that. */
  run(until: number, options?: { readonly everyUs: number; readonly done: () => boolean }): boolean {
    const everyUs = options?.everyUs ?? Number.POSITIVE_INFINITY;
    try {
      while (this.queue.now < until) {
        if (options?.done() === true) return true;
        const stop = Math.min(until, this.queue.now + everyUs);
        while (this.queue.step(stop));
      }
    } catch (error) {
      if (error instanceof SimFailure) throw error;
      const text = error instanceof Error ? error.message : String(error);
      throw new SimFailure(`the engine throws: ${text}`, this.queue.now, { cause: error });
    }
    return options?.done() === true;
  }

  /** Changes the owner's tree a little, if so asked, and pushes it. Undefined if the owner's daemon does not run. */
  push(plan: PushPlan, tree: "edited" | "as it is" = "edited"): PushWatch | undefined {
    const host = this.host(plan.host);
    const { process } = host;
    if (process === undefined) return undefined;
    const prng = this.prng.fork(`push ${this.#requests}`);
    const folders = plan.folder === undefined ? this.#folders() : [plan.folder];
    const folder = prng.pick(folders);
    const lacking = plan.folder !== undefined && host.tree.get(plan.folder) === undefined;
    if (tree === "edited" && (lacking || prng.below(4) !== 0))
      editFolder(host.tree, { folder, ...this.#growth(), numbers: this.#numbers, prng });
    if (tree === "edited" && plan.task.removes !== "nothing")
      clearFolder(host.tree, folder, prng.fork("cleared"));
    const watch = new PushWatch(++this.#requests, {
      plan,
      run: process,
      since: this.queue.now,
      journal: this.journal,
      addressOf: (name) => this.hosts.find((other) => other.name === name),
      excuse: (name, record, outcome) =>
        typeof outcome === "string" || name === undefined
          ? this.#excuseAll(watch, record, String(outcome))
          : this.#excuse(watch, name, record, outcome),
    });
    this.watches.push(watch);
    const paths = plan.wrong === "path" ? ["no/such/path"] : plan.folder === undefined ? [] : [plan.folder];
    const names = plan.hosts?.map((other) => `host${other}`);
    process.command({
      kind: "push",
      request: watch.request,
      selection: { paths: paths.map((path) => new TextEncoder().encode(path)), recursive: true },
      dryRun: plan.dryRun,
      hosts: plan.wrong === "host" ? ["nobody"] : names,
      names: plan.names,
      task: plan.task,
      progress: true,
    });
    return watch;
  }

  cancel(watch: PushWatch): void {
    const host = this.host(watch.plan.host);
    if (host.process !== watch.run) return;
    watch.cancelled = true;
    host.process?.command({ kind: "cancel", request: watch.request });
  }

  /** A push whose owner has died will never say anything again. */
  ownerDied(host: Host): void {
    for (const watch of this.watches) {
      if (watch.plan.host === host.index && watch.ended === "no" && host.process !== watch.run)
        watch.ended = "owner died";
    }
  }

  #onEvent(index: number, event: EngineEvent): void {
    if (event.kind === "log" || !("request" in event) || event.kind === "members" || event.kind === "status")
      return;
    const watch = this.watches.find(({ request }) => request === event.request);
    if (watch === undefined || watch.plan.host !== index)
      return this.journal.fail("an event for a push that was never asked for");
    watch.onEvent(event, this.queue.now);
  }

  /** No more is sent than a receiver has room for, as long as its owner knows of it. */
  #onOverrun(index: number, key: PushKey): void {
    const host = this.host(index);
    const record = this.journal.find(key);
    const watch = this.watches.find((one) => one.record !== undefined && one.record === record);
    if (watch === undefined || watch.ended !== "no" || this.scenario.hostile) return;
    if ([...watch.outcomes.values()].some((told) => told.host === host.name)) return;
    this.journal.fail(`push ${watch.request}: more is sent than ${host.name} has room for`);
  }

  /** Why this target may be without success; undefined if nothing explains it. */
  #excuse(
    watch: PushWatch,
    name: string,
    record: PushRecord | undefined,
    outcome: Outcome,
  ): string | undefined {
    const from = watch.since - STALE_US;
    const { now } = this.queue;
    const target = this.hosts.find((host) => host.name === name);
    if (target?.hadTrouble(from, now) ?? true) return "target in trouble";
    if (this.host(watch.plan.host).hadTrouble(from, now)) return "owner in trouble";
    if (record?.sourceFailed === true) return "source failed";
    if (watch.cancelled) return "cancelled";
    if (this.scenario.hostile) return "hostile packets";
    const stages = [...(record?.stages.values() ?? [])].filter((stage) => stage.host === name);
    const tooMany = outcome.kind === "failed" && outcome.text === "would remove more names than allowed";
    if (tooMany && stages.some((stage) => stage.tooMany)) return "too many names";
    if (outcome.kind === "lost") return undefined;
    if (stages.some((stage) => stage.faulted)) return "stage failed";
    if (outcome.kind === "refused" && target?.plan.noReceive === true) return "does not receive";
    if (outcome.kind === "refused" && outcome.text.startsWith("busy") && this.watches.length > 2)
      return "busy";
    return undefined;
  }

  /** Why the whole push may have come to nothing. */
  #excuseAll(watch: PushWatch, record: PushRecord | undefined, text: string): string | undefined {
    const { plan, since } = watch;
    const owner = this.host(plan.host);
    const from = since - STALE_US;
    if (watch.cancelled) return "cancelled";
    if (plan.wrong !== undefined) return "wrong";
    if (owner.plan.noSend) return "does not send";
    if (record?.sourceFailed === true) return "source failed";
    if (owner.hadTrouble(from, this.queue.now)) return "owner in trouble";
    if (text.includes("has changed this tree meanwhile"))
      return this.#wasSwitched(owner.name, from) ? "tree changed" : undefined;
    if (!/no other makuosan|not contained in members/.test(text)) return undefined;
    // HELLO may be lost for so long that a member is forgotten, or not known yet.
    const lossy = this.scenario.hosts.some(
      ({ link }) => link.lossIn + link.lossOut + link.burstIn + link.corrupt > 0,
    );
    if (lossy || this.scenario.hostile) return "members unknown";
    if (this.hosts.every((host) => host === owner || host.plan.noReceive)) return "nobody receives";
    return this.hosts.some((host) => host.hadTrouble(from, this.queue.now))
      ? "members in trouble"
      : undefined;
  }

  /** Whether a push switched a host's tree since then; its engine may have heard of that later. */
  #wasSwitched(host: string, since: number): boolean {
    const switchesHere = ({ host: at, preparedAt, committedAt, closedAt }: StageRecord) =>
      at === host && preparedAt !== undefined && (committedAt ?? closedAt ?? this.queue.now) >= since;
    return [...this.journal.pushes.values()].some((record) => [...record.stages.values()].some(switchesHere));
  }

  #folders(): string[] {
    return Array.from({ length: this.scenario.folders }, (_, folder) => `d${folder}`);
  }

  #growth(): { sizeMax: number; hint: { symbolSize: number; capacity: number } } {
    const { sizeMax, slotBytes } = this.scenario;
    const symbolSize = 516;
    return { sizeMax, hint: { symbolSize, capacity: Math.floor(slotBytes / symbolSize) * symbolSize - 16 } };
  }

  #withExtras(tree: Tree, host: number): Tree {
    const prng = this.prng.fork(`extras ${host}`);
    const { extras } = this.scenario;
    for (const folder of this.#folders()) {
      if (prng.below(2) === 0) continue;
      addExtras(tree, { folder, count: prng.below(extras + 1), host, below: (bound) => prng.below(bound) });
    }
    return tree;
  }

  #firstTree(): Tree {
    const tree: Tree = new Map();
    const prng = this.prng.fork("first tree");
    for (const folder of this.#folders()) {
      growFolder(tree, {
        folder,
        files: prng.below(this.scenario.files + 1),
        ...this.#growth(),
        numbers: this.#numbers,
        prng,
      });
    }
    return tree;
  }
}

function noteCommit(journal: Journal, packet: Uint8Array): void {
  if (packet[2] !== PacketType.commit) return;
  const header = new DataView(packet.buffer, packet.byteOffset, packet.length);
  journal.decided({ owner: header.getBigUint64(8) as NodeId, push: header.getUint32(20) as PushId });
}
