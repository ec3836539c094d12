import { PUSH_SLOTS_MAX } from "../../src/engine/tuning.ts";
import { SEND_TASK } from "../../src/wire/disk-port.ts";
import { Prng } from "../support/prng.ts";
import type { Host } from "./host.ts";
import { Intruder } from "./intruder.ts";
import type { PushRecord, StageRecord } from "./journal.ts";
import { Nemesis } from "./nemesis.ts";
import { CLEAN_LINK } from "./network.ts";
import { drawScenario, type PushPlan, type Scenario, SETTLED_US } from "./scenario.ts";
import { Trace } from "./trace.ts";
import { describeVersion, sameVersion } from "./tree.ts";
import { World } from "./world.ts";

/** After the faults, every push must end and every list be right within this. */
const CONVERGE_US_MAX = 15_000_000;
/** In this time, without loss, everybody announces itself. */
const HEARD_US = 1_000_000;
/** The push that shows that all is well again must be done within this. */
const CLEAN_PUSH_US_MAX = 5_000_000;
/** How long receivers may take to find out what has become of a push whose owner has died. */
const AFTERMATH_US = 12_000_000;
/** After which nothing is left of any push, at either side; and after a push without loss. */
const QUIET_US_MAX = 12_000_000;
const CLEAN_QUIET_US_MAX = 500_000;

export type SimResult = {
  readonly hash: string;
  readonly events: number;
  readonly packets: number;
  readonly virtualUs: number;
  /** Number of outcomes by kind, over all pushes. */
  readonly outcomes: Readonly<Record<string, number>>;
};

/** Runs one seed: faults first, then none. Throws SimFailure at the first broken invariant. */
export function simulate(seed: number, print?: (line: string) => void): SimResult {
  const scenario = drawScenario(new Prng(seed).fork("scenario"));
  const trace = new Trace(print);
  const world = new World(scenario, { seed, trace });
  print?.(
    `seed ${seed}: ${scenario.hosts.length} hosts, ${scenario.pushes.length} pushes, ${JSON.stringify(scenario.disturbances)}`,
  );
  safetyPhase(world);
  heal(world);
  convergePhase(world);
  cleanPhase(world);
  const outcomes: Record<string, number> = {};
  for (const watch of world.watches) {
    watch.checkRejected();
    for (const { outcome } of watch.outcomes.values()) {
      outcomes[outcome.kind] = (outcomes[outcome.kind] ?? 0) + 1;
    }
    if (watch.ended !== "finished") outcomes[watch.ended] = (outcomes[watch.ended] ?? 0) + 1;
  }
  checkOwnersDeaths(world);
  const { hash, events } = trace;
  return { hash, events, packets: world.network.packets, virtualUs: world.queue.now, outcomes };
}

function safetyPhase(world: World): void {
  const { scenario, queue } = world;
  const prng = world.prng.fork("boot");
  for (const host of world.hosts) queue.at(prng.below(300_000), () => host.start());
  for (const plan of scenario.pushes) queue.at(plan.at, () => startPush(world, plan));
  new Nemesis(world, SETTLED_US + scenario.safetyUs).start();
  const intruder = scenario.hostile ? new Intruder(world) : undefined;
  intruder?.start(SETTLED_US + scenario.safetyUs);
  world.run(SETTLED_US + scenario.safetyUs);
}

function startPush(world: World, plan: PushPlan): void {
  const watch = world.push(plan);
  if (watch !== undefined && plan.cancelAfter !== undefined)
    world.queue.after(plan.cancelAfter, () => world.cancel(watch));
}

/** From here on nothing goes wrong any more. */
function heal(world: World): void {
  world.network.heal(CLEAN_LINK);
  for (const host of world.hosts) {
    host.healDisk();
    if (host.process?.paused === true) host.resume();
    world.ownerDied(host);
  }
}

function convergePhase(world: World): void {
  const until = world.queue.now + CONVERGE_US_MAX;

  // Questions wake an engine, and could hide that it has forgotten to wake up by itself: none before the pushes have ended.
  const ended = () => world.watches.every((watch) => watch.ended !== "no");
  // A list can be right by chance until everybody has been heard once more.
  world.run(world.queue.now + HEARD_US);
  world.run(until, { everyUs: 100_000, done: ended });
  if (world.run(until, { everyUs: 500_000, done: () => membersAgree(world) || askAll(world) }) && ended())
    return;
  const open = world.watches.find((watch) => watch.ended === "no");
  if (open !== undefined)
    world.journal.fail(`push ${open.request} has not ended ${CONVERGE_US_MAX / 1e6} s after the faults`);
  const wrong = world.live.find((host) => !knowsAll(world, host));
  const list = wrong?.members.map(({ name }) => name).join(" ");
  world.journal.fail(`${wrong?.name} takes [${list}] for the live members, and they are not`);
}

/**
 * The owner has died with the commit half told: receivers that were prepared ask each other, and then all switch or none (PROTOCOL
 * §8.4), if nothing else was wrong, and no other push has switched them meanwhile.
 */
function checkOwnersDeaths(world: World): void {
  if (world.scenario.hostile) return;
  for (const { ended, record, plan } of world.watches) {
    if (ended !== "owner died" || record === undefined) continue;
    const { openedAt } = record;
    const untroubled = world.hosts.filter(
      (host) => host.index !== plan.host && !host.hadTrouble(openedAt, openedAt + AFTERMATH_US),
    );
    const names = new Set(untroubled.map(({ name }) => name));
    const stages = [...record.stages.values()].filter(
      (stage) =>
        names.has(stage.host) &&
        stage.preparedAt !== undefined &&
        !stage.faulted &&
        !overtaken(world, record, stage),
    );
    const switched = stages.filter((stage) => stage.committedAt !== undefined);
    if (switched.length > 0 && switched.length < stages.length) {
      world.journal.fail(
        `${switched.map(({ host }) => host)} switched, but not all of ${stages.map(({ host }) => host)}, after the owner's death`,
      );
    }
  }
}

/** Whether another push has switched this host since it was prepared: then it cannot know which tree is the newer one (PROTOCOL §8.4). */
function overtaken(world: World, record: PushRecord, stage: StageRecord): boolean {
  const { host, preparedAt, closedAt, committedAt } = stage;
  if (committedAt !== undefined || preparedAt === undefined) return false;
  const isMeanwhile = (at: number) => at >= preparedAt && at <= (closedAt ?? at);
  const switchesHere = (one: StageRecord) =>
    one.host === host && one.committedAt !== undefined && isMeanwhile(one.committedAt);
  return [...world.journal.pushes.values()].some(
    (other) => other !== record && [...other.stages.values()].some(switchesHere),
  );
}

/** Always false: it is the asking that matters. */
function askAll(world: World): false {
  for (const host of world.live) host.askMembers();
  return false;
}

function membersAgree(world: World): boolean {
  return world.live.every((host) => knowsAll(world, host));
}

function knowsAll(world: World, host: Host): boolean {
  const others = world.live.filter((other) => other !== host);
  return (
    host.membersAt > 0 &&
    host.members.length === others.length &&
    others.every((other) =>
      host.members.some(
        ({ address }) => address.ip === other.ip && address.port === other.process?.address.port,
      ),
    )
  );
}

/** One push from anywhere to everybody: it must arrive everywhere, and leave nothing behind. */
function cleanPhase(world: World): void {
  const { journal, queue, live } = { journal: world.journal, queue: world.queue, live: world.live };
  const owners = live.filter((host) => !host.plan.noSend);
  const receivers = live.filter((host) => !host.plan.noReceive);
  const owner = world.prng.fork("clean").pick(owners);
  const targets = receivers.filter((host) => host !== owner);
  if (targets.length === 0) return;
  quiet(world, QUIET_US_MAX);
  for (const host of live) host.process?.resetWindow();
  const nothing = {
    at: 0,
    folder: undefined,
    dryRun: false,
    names: true,
    hosts: undefined,
    wrong: undefined,
    cancelAfter: undefined,
    task: { ...SEND_TASK, removes: world.prng.fork("last").pick(["nothing", "extra"] as const) },
  };
  const watch = world.push({ ...nothing, host: owner.index });
  if (watch === undefined) return journal.fail("the owner of the last push is not there");
  world.run(queue.now + CLEAN_PUSH_US_MAX, { everyUs: 50_000, done: () => watch.ended !== "no" });
  if (watch.ended !== "finished")
    return journal.fail(`the last push has ${watch.ended === "no" ? "not ended" : watch.rejection}`);
  for (const host of targets) {
    const outcome = [...watch.outcomes.values()].find((one) => one.host === host.name)?.outcome;
    if (outcome?.kind !== "complete")
      journal.fail(`the last push: ${host.name} is ${outcome?.kind ?? "no target"}`);
    compareTrees(world, owner, host);
    if (nothing.task.removes === "extra") compareNames(world, owner, host);
    const window = host.process?.windowMax ?? 0;
    const share = Math.min(PUSH_SLOTS_MAX, host.plan.slots >> 1);
    if (window !== share)
      journal.fail(
        `${host.name} has ${window} slots for a push where it should have ${share}: slots are lost`,
      );
  }
  quiet(world, CLEAN_QUIET_US_MAX);
}

function compareTrees(world: World, owner: Host, host: Host): void {
  for (const [path, version] of owner.tree.files) {
    const seen = host.tree.get(path);
    if (sameVersion(seen, version)) continue;
    world.journal.fail(
      `at the end ${host.name} has ${describeVersion(seen)} at ${path}, where ${describeVersion(version)} was sent`,
    );
  }
}

function compareNames(world: World, owner: Host, host: Host): void {
  for (const path of host.tree.files.keys()) {
    if (owner.tree.get(path) === undefined)
      world.journal.fail(`at the end ${host.name} has ${path}, which was to be removed`);
  }
}

/** Waits until nothing is left of any push. */
function quiet(world: World, us: number): void {
  const done = () => world.live.every((host) => leftover(host) === undefined);
  if (world.run(world.queue.now + us, { everyUs: 100_000, done })) {
    // The last answers of the disks may still be under way.
    world.run(world.queue.now + 10_000);
    return;
  }
  const host = world.live.find((one) => leftover(one) !== undefined);
  if (host !== undefined) world.journal.fail(`${host.name} still has ${leftover(host)}`);
}

function leftover(host: Host): string | undefined {
  const { process, staging } = host;
  if (process === undefined) return undefined;
  if (staging.size > 0) return "something staged";
  if (process.stage.open > 0) return "an open stage";
  if (process.source.open > 0) return "an open source";
  if (process.contexts > 0) return "a receive context in use";
  if (process.ledger.lent > 0) return "slots lent to a disk";
  return undefined;
}

export type { Scenario };
