import { encode } from "../../src/wire/codec.ts";
import { BlockKind, PacketType } from "../../src/wire/constants.ts";
import { groupTag } from "../../src/wire/crc32c.ts";
import { SEND_TASK, type StageRequest } from "../../src/wire/disk-port.ts";
import type { Message, Origin } from "../../src/wire/messages.ts";
import { sealControl } from "../../src/wire/twin.ts";
import { NO_DISK_FAULTS } from "../sim/disk.ts";
import type { Host } from "../sim/host.ts";
import type { StageRecord } from "../sim/journal.ts";
import { CLEAN_LINK } from "../sim/network.ts";
import type { Process } from "../sim/process.ts";
import type { PushWatch } from "../sim/push-watch.ts";
import type { HostPlan, PushPlan, Scenario } from "../sim/scenario.ts";
import { Trace } from "../sim/trace.ts";
import { World } from "../sim/world.ts";
import { GROUP } from "./support.ts";

/** Where forged packets come from: no member's address. */
export const STRANGER = { ip: 0x0a00_00fe, port: 1 };

/** A packet that somebody on the network has just heard. */
export type Heard = { readonly packet: Uint8Array; readonly view: DataView; readonly from: number };

/**
 * Some daemons on a good network, with good disks, in virtual time, after they have found each other: the parts of the simulator,
 * without its random faults. With `strangers` (the default) forged packets may explain a push's failure.
 */
export function newGroup(options: {
  readonly hosts: number;
  readonly seed: number;
  readonly host?: Partial<HostPlan>;
  readonly scenario?: Partial<Scenario>;
}): World {
  const hosts = Array.from({ length: options.hosts }, () => ({
    slots: 64,
    mtu: 576,
    receiveBuffer: 400 * 1024,
    cpuUs: 2,
    noReceive: false,
    noSend: false,
    rateLimit: undefined,
    link: { ...CLEAN_LINK },
    closed: false,
    disk: { ...NO_DISK_FAULTS },
    ...options.host,
  }));
  const scenario: Scenario = {
    hosts,
    slotBytes: 516 * 8,
    sectionEntries: 20,
    folders: 2,
    files: 40,
    extras: 0,
    sizeMax: 60_000,
    loop: false,
    hostile: true,
    corrupting: false,
    safetyUs: 0,
    pushes: [],
    disturbances: [],
    ...options.scenario,
  };
  const world = new World(scenario, { seed: options.seed, trace: new Trace(undefined) });
  for (const host of world.hosts) host.start();
  world.run(900_000);
  return world;
}

/** Starts a push of host 0's whole tree to everybody, but for what is overridden. */
export function startPush(world: World, overrides: Partial<PushPlan> = {}): PushWatch {
  const watch = world.push({
    at: 0,
    host: 0,
    folder: undefined,
    dryRun: false,
    names: false,
    task: SEND_TASK,
    hosts: undefined,
    wrong: undefined,
    cancelAfter: undefined,
    ...overrides,
  });
  if (watch === undefined) throw new Error("the owner's daemon does not run");
  return watch;
}

/** Lets time pass until all the pushes have ended, for at most `withinUs`; returns the microseconds that it took. */
export function runToEnd(world: World, watches: readonly PushWatch[], withinUs: number): number {
  const from = world.queue.now;
  const done = () => watches.every((watch) => watch.ended !== "no");
  world.run(from + withinUs, { everyUs: 1_000, done });
  return world.queue.now - from;
}

/** The kind of each target's outcome, by host name. */
export function outcomesOf(watch: PushWatch): Record<string, string> {
  return Object.fromEntries([...watch.outcomes.values()].map(({ host, outcome }) => [host, outcome.kind]));
}

/** What one host's disk did in the push. */
export function stageOf(watch: PushWatch, host: string): StageRecord {
  const stage = [...(watch.record?.stages.values() ?? [])].find((one) => one.host === host);
  if (stage === undefined) throw new Error(`${host} has staged nothing`);
  return stage;
}

/** Calls `act` with each packet that is sent, before it arrives, until it returns true. */
export function hear(world: World, act: (heard: Heard) => boolean): void {
  let over = false;
  world.network.listen((packet, from) => {
    if (over || packet.length < 32) return;
    over = act({ packet, from, view: new DataView(packet.buffer, packet.byteOffset, packet.length) });
  });
}

/** Calls `act` at the first packet of this type. */
export function atFirst(world: World, type: number, act: (heard: Heard) => void): void {
  hear(world, (heard) => {
    if (heard.packet[2] !== type) return false;
    act(heard);
    return true;
  });
}

/** Whether this is DATA of a content block. */
export function isContent(packet: Uint8Array): boolean {
  return packet[2] === PacketType.data && ((packet[3] ?? 0) & 7) === BlockKind.content;
}

/** A control packet that says it is from `origin`, checksum and all. */
export function forge(origin: Origin, message: Message): Uint8Array {
  const packet = encode(origin, groupTag(GROUP), message);
  sealControl(packet);
  return packet;
}

/** The daemon that runs on this host. */
export function processOf(host: Host): Process {
  if (host.process === undefined) throw new Error(`no daemon runs on ${host.name}`);
  return host.process;
}

/** Puts `act` in front of this host's stage: it gets each request, and passes it on or not. */
export function onStage(
  host: Host,
  act: (request: StageRequest, pass: (request: StageRequest) => void) => void,
): void {
  const { stage } = processOf(host);
  const pass = stage.request.bind(stage);
  stage.request = (request) => act(request, pass);
}
