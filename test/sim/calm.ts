import { SEND_TASK } from "../../src/wire/disk-port.ts";
import { Prng } from "../support/prng.ts";
import { NO_DISK_FAULTS } from "./disk.ts";
import { CLEAN_LINK, type LinkModel } from "./network.ts";
import type { HostPlan, PushPlan, Scenario } from "./scenario.ts";
import { Trace } from "./trace.ts";
import { World } from "./world.ts";

/** A push of everything to everybody. */
export const WHOLE_PUSH: PushPlan = {
  at: 0,
  host: 0,
  folder: undefined,
  dryRun: false,
  names: false,
  hosts: undefined,
  wrong: undefined,
  cancelAfter: undefined,
  task: SEND_TASK,
};

/** A world without faults, for tests that bring about what they look at themselves. Nothing runs yet. */
export function calmWorld(options: {
  readonly hosts: number;
  readonly seed?: number;
  readonly link?: Partial<LinkModel>;
  readonly slots?: number;
  readonly slotBytes?: number;
  readonly files?: number;
  readonly extras?: number;
  readonly special?: Readonly<Record<number, Partial<HostPlan>>>;
  readonly sizeMax?: number;
}): World {
  const plan: HostPlan = {
    slots: options.slots ?? 64,
    mtu: 576,
    receiveBuffer: 400 * 1024,
    cpuUs: 1,
    noReceive: false,
    noSend: false,
    rateLimit: undefined,
    link: { ...CLEAN_LINK, ...options.link },
    closed: false,
    disk: NO_DISK_FAULTS,
  };
  const scenario: Scenario = {
    hosts: Array.from({ length: options.hosts }, (_, host) => ({ ...plan, ...options.special?.[host] })),
    slotBytes: options.slotBytes ?? 4_128,
    sectionEntries: 30,
    folders: 2,
    files: options.files ?? 8,
    extras: options.extras ?? 0,
    sizeMax: options.sizeMax ?? 8_000,
    loop: false,
    hostile: false,
    corrupting: false,
    safetyUs: 0,
    pushes: [],
    disturbances: [],
  };
  return new World(scenario, { seed: options.seed ?? 1, trace: new Trace(undefined) });
}

/** Starts the daemons of `hosts` at random moments of the next `withinUs` microseconds. */
export function startAll(
  world: World,
  options: { readonly hosts: readonly number[]; readonly withinUs: number },
): void {
  const prng = new Prng(world.hosts.length).fork("start");
  for (const host of options.hosts)
    world.queue.after(prng.below(options.withinUs + 1), () => world.host(host).start());
}

/** What each live host takes for the members, itself left out, by index of the host. */
export function memberLists(world: World): ReadonlyMap<number, readonly number[]> {
  for (const host of world.live) host.askMembers();
  world.run(world.queue.now + 100);
  const indexes = (host: (typeof world.live)[number]) =>
    host.members
      .map(({ address }) => world.hosts.findIndex(({ ip }) => ip === address.ip))
      .sort((a, b) => a - b);
  return new Map(world.live.map((host) => [host.index, indexes(host)]));
}

/** The live hosts but `host`, as `memberLists` has them. */
export function othersOf(world: World, host: number): readonly number[] {
  return world.live.map(({ index }) => index).filter((index) => index !== host);
}

/** How long it takes until every live host lists every other one and nobody else, to 20 ms; more than `limitUs` if it never does. */
export function agreementUs(world: World, limitUs: number): number {
  const from = world.queue.now;
  while (world.queue.now - from <= limitUs) {
    const lists = memberLists(world);
    if (world.live.every(({ index }) => String(lists.get(index)) === String(othersOf(world, index)))) break;
    world.run(world.queue.now + 20_000);
  }
  return world.queue.now - from;
}
