import type { EngineEvent, MemberInfo } from "../../src/engine/ports.ts";
import type { NodeId } from "../../src/wire/brand.ts";
import type { PushKey } from "../../src/wire/disk-port.ts";
import type { Prng } from "../support/prng.ts";
import { type DiskFaults, NO_DISK_FAULTS } from "./disk.ts";
import type { EventQueue } from "./event-queue.ts";
import type { HostTree } from "./host-tree.ts";
import type { Journal } from "./journal.ts";
import type { Network } from "./network.ts";
import { Process } from "./process.ts";
import type { HostPlan, Scenario } from "./scenario.ts";
import type { Trace } from "./trace.ts";
import type { ContentNumbers } from "./tree.ts";

/** What all hosts of a run share. */
export type Surroundings = {
  readonly scenario: Scenario;
  readonly queue: EventQueue;
  readonly network: Network;
  readonly trace: Trace;
  readonly journal: Journal;
  readonly numbers: ContentNumbers;
  readonly prng: Prng;
};

type Interval = { readonly from: number; to: number };

/** Requests of the simulator's own, apart from those of pushes. */
const MEMBERS_REQUEST = 1_000_000;
export const GROUP = "224.0.0.108:5000";

/** A machine: its tree and what is staged there outlive the daemon, which comes and goes. */
export class Host {
  readonly index: number;
  readonly name: string;
  readonly ip: number;
  readonly plan: HostPlan;
  readonly tree: HostTree;
  readonly staging = new Set<string>();
  faults: DiskFaults;
  process: Process | undefined;
  /** The newest answer to `askMembers`, and when it came. */
  members: readonly MemberInfo[] = [];
  membersAt = -1;
  /** When this host was dead, paused or cut off. */
  readonly #troubles: Interval[] = [];
  readonly #around: Surroundings;
  readonly #onEvent: (event: EngineEvent) => void;
  readonly #onOverrun: (key: PushKey) => void;
  #runs = 0;

  constructor(
    index: number,
    around: Surroundings,
    options: {
      tree: HostTree;
      onEvent: (event: EngineEvent) => void;
      onOverrun: (key: PushKey) => void;
    },
  ) {
    const plan = around.scenario.hosts[index];
    if (plan === undefined) throw new Error("no such host");
    this.index = index;
    this.name = `host${index}`;
    this.ip = 0x0a00_0001 + index;
    this.plan = plan;
    this.tree = options.tree;
    this.faults = plan.disk;
    this.#around = around;
    this.#onEvent = options.onEvent;
    this.#onOverrun = options.onOverrun;
  }

  /** Starts the daemon: a new node id, a later epoch, nothing in memory, and the staging area is cleaned. */
  start(): void {
    const { queue, network, trace, journal, numbers, scenario } = this.#around;
    const prng = this.#around.prng.fork(`host ${this.index} run ${this.#runs}`);
    const run = this.index + 1000 * this.#runs++;
    this.staging.clear();
    this.process = new Process({
      config: {
        node: ((BigInt(prng.u32()) << 32n) | BigInt((prng.u32() | 1) >>> 0)) as NodeId,
        epoch: 1_700_000_000_000_000n + BigInt(queue.now),
        name: this.name,
        version: "sim",
        group: GROUP,
        mtu: this.plan.mtu,
        receiveBuffer: this.plan.receiveBuffer,
        noReceive: this.plan.noReceive,
        noSend: this.plan.noSend,
        rateLimit: this.plan.rateLimit,
      },
      address: { ip: this.ip, port: 40_000 + this.#runs },
      slots: this.plan.slots,
      slotBytes: scenario.slotBytes,
      checksums: scenario.corrupting || scenario.hostile ? "real" : "omitted",
      cpuUs: this.plan.cpuUs,
      clockOffset: prng.below(1_000_000_000),
      prng,
      queue,
      network,
      trace,
      journal,
      disk: {
        numbers,
        hostIndex: this.index,
        hostName: this.name,
        noReceive: this.plan.noReceive,
        run,
        tree: this.tree,
        staging: this.staging,
        sectionEntries: scenario.sectionEntries,
        faults: () => this.faults,
      },
      onEvent: (event) => this.#event(event),
      onOverrun: (key) => this.#onOverrun(key),
    });
    this.#note("starts");
    this.process.start();
  }

  /** SIGKILL. */
  kill(): void {
    this.process?.kill();
    this.process = undefined;
    this.#note("is killed");
  }

  /** SIGTERM. */
  stop(): void {
    this.process?.command({ kind: "stop" });
    this.#note("is told to stop");
  }

  pause(): void {
    this.process?.pause();
    this.#note("is paused");
  }

  resume(): void {
    this.process?.resume();
    this.#note("goes on");
  }

  askMembers(): void {
    this.process?.command({ kind: "members", request: MEMBERS_REQUEST });
  }

  healDisk(): void {
    this.faults = { ...NO_DISK_FAULTS };
  }

  trouble(from: number, to: number): void {
    this.#troubles.push({ from, to });
  }

  /** Whether this host was in trouble at any time between the two. */
  hadTrouble(from: number, to: number): boolean {
    return this.#troubles.some((trouble) => trouble.from <= to && trouble.to >= from);
  }

  #event(event: EngineEvent): void {
    const { queue, trace } = this.#around;
    trace.note(
      queue.now,
      this.index,
      [event.kind.length, event.kind.charCodeAt(0)],
      () => `event ${describeEvent(event)}`,
    );
    if (event.kind === "stopped") return this.kill();
    if (event.kind === "members" && event.request === MEMBERS_REQUEST) {
      this.members = event.members;
      this.membersAt = queue.now;
      return;
    }
    this.#onEvent(event);
  }

  #note(what: string): void {
    const { queue, trace } = this.#around;
    trace.note(queue.now, this.index, [what.length, what.charCodeAt(0)], () => what);
  }
}

function describeEvent(event: EngineEvent): string {
  if (event.kind === "outcome")
    return `outcome ${event.request} ${event.host} ${JSON.stringify(event.outcome)}`;
  if (event.kind === "started")
    return `started ${event.request} push ${event.key.push}: ${event.hosts.join(" ")} (${event.readOnly.join(" ")})`;
  if (event.kind === "need") return `need ${event.request} ${event.host} ${event.updates} ${event.removals}`;
  if (event.kind === "rejected") return `rejected ${event.request}: ${event.text}`;
  if (event.kind === "log") return `log ${event.level} ${event.text}`;
  if (event.kind === "members") return `members ${event.members.map((member) => member.name).join(" ")}`;
  return "request" in event ? `${event.kind} ${event.request}` : event.kind;
}
