import { PacketType } from "../../src/wire/constants.ts";
import { SEND_TASK, type Task } from "../../src/wire/disk-port.ts";
import type { Prng } from "../support/prng.ts";
import { type DiskFaults, NO_DISK_FAULTS } from "./disk.ts";
import { CLEAN_LINK, type LinkModel } from "./network.ts";

/** One daemon's circumstances. */
export type HostPlan = {
  readonly slots: number;
  readonly mtu: number;
  readonly receiveBuffer: number;
  readonly cpuUs: number;
  readonly noReceive: boolean;
  readonly noSend: boolean;
  readonly rateLimit: number | undefined;
  readonly link: LinkModel;
  /** DATA for this host alone does not reach it, even when all else is well again. */
  readonly closed: boolean;
  readonly disk: DiskFaults;
};

export type PushPlan = {
  readonly at: number;
  readonly host: number;
  /** A folder of the model tree; undefined: the whole base. */
  readonly folder: string | undefined;
  readonly dryRun: boolean;
  readonly names: boolean;
  /** Indexes of the hosts asked for; undefined: all. */
  readonly hosts: readonly number[] | undefined;
  /** Ask for a path that does not exist, or for a host that nobody knows. */
  readonly wrong: "path" | "host" | undefined;
  readonly cancelAfter: number | undefined;
  readonly task: Task;
};

/** Something that happens to a host. */
export type Disturbance = {
  /** "half": a packet reaches all but `host`, and then its sender crashes. */
  readonly kind: "crash" | "stop" | "pause" | "side" | "deaf" | "mute" | "half";
  readonly host: number;
  /** When; or, with `packet`, how long after it. */
  readonly at: number;
  /** For how long; undefined: for good. */
  readonly lastsUs: number | undefined;
  /** The packet that sets it off: number `count` of its type; `sender`: it happens to who sent it, not to `host`. */
  readonly packet: { readonly type: number; readonly count: number; readonly sender: boolean } | undefined;
};

/** Everything that a seed decides before time begins. */
export type Scenario = {
  readonly hosts: readonly HostPlan[];
  readonly slotBytes: number;
  readonly sectionEntries: number;
  readonly folders: number;
  readonly files: number;
  /** Most names that a host has in a folder and nobody else. */
  readonly extras: number;
  readonly sizeMax: number;
  readonly loop: boolean;
  /** Forged and replayed packets come in. */
  readonly hostile: boolean;
  readonly corrupting: boolean;
  readonly safetyUs: number;
  readonly pushes: readonly PushPlan[];
  readonly disturbances: readonly Disturbance[];
};

/** When the daemons have had time to find each other. */
export const SETTLED_US = 900_000;

/** Draws everything that is to happen. What one concern draws does not move the others. */
export function drawScenario(prng: Prng): Scenario {
  const size = prng.below(100);
  const hosts = size < 85 ? prng.between(2, 5) : size < 98 ? prng.between(6, 10) : prng.between(11, 24);
  const calm = prng.below(10) === 0;
  const safetyUs = prng.between(1_500_000, 4_000_000);
  const small = hosts > 10;
  const network = calm ? CLEAN_LINK : drawNetwork(prng.fork("network"), hosts);
  const slotBytes = 516 * prng.between(3, 12) + prng.below(200);
  const plans = drawHosts(prng.fork("hosts"), { hosts, calm, network });
  const sizeScale = prng.pick([300, 2_000, 8_000, small ? 6_000 : 40_000]);
  const pushes = drawPushes(prng.fork("pushes"), { hosts, safetyUs });
  return {
    hosts: plans,
    slotBytes,
    sectionEntries: prng.between(2, 30),
    folders: prng.between(2, 4),
    files: prng.between(1, 9),
    extras: prng.fork("extras").pick([0, 3, 20]),
    sizeMax: sizeScale,
    loop: prng.below(4) === 0,
    hostile: !calm && prng.below(8) === 0,
    corrupting: plans.some(({ link }) => link.corrupt > 0),
    safetyUs,
    pushes,
    disturbances: calm ? [] : drawDisturbances(prng.fork("disturbances"), { hosts, safetyUs, pushes }),
  };
}

/** Each kind of fault is on in some seeds only, so that no kind hides another (swarm testing). */
function drawNetwork(prng: Prng, hosts: number): LinkModel {
  const maybe = (rate: number) => (prng.below(3) === 0 ? prng.below(rate + 1) : 0);
  const far = prng.below(8) === 0;
  return {
    delayUs: far ? prng.between(1_000, 20_000) : prng.between(5, 300),
    jitterUs: prng.pick([0, 5, 50, far ? 3_000 : 400]),
    bytesPerSecond: prng.pick([500_000, 3_000_000, 12_500_000, 125_000_000, 1_250_000_000]),
    lossOut: maybe(hosts > 8 ? 20_000 : 60_000),
    lossIn: maybe(prng.pick([10_000, 50_000, 200_000])),
    burstIn: maybe(2_000),
    burstUs: prng.between(500, 60_000),
    duplicate: maybe(50_000),
    reorder: maybe(100_000),
    reorderUs: prng.between(100, 20_000),
    corrupt: maybe(20_000),
    late: maybe(3_000),
  };
}

function drawHosts(prng: Prng, options: { hosts: number; calm: boolean; network: LinkModel }): HostPlan[] {
  const { hosts, calm, network } = options;
  const diskFaults = !calm && prng.below(3) === 0;
  const slowDisks = !calm && prng.below(3) === 0;
  const odd = prng.below(8);
  const tight = prng.below(3) === 0;
  const plans: HostPlan[] = [];
  const closed = prng.fork("closed");
  for (let host = 0; host < hosts; host++) {
    plans.push({
      slots: prng.pick([16, 24, 64]),
      mtu: prng.pick([576, 576, 600, 700]),
      receiveBuffer: tight ? prng.between(48, 100) * 1024 : 400 * 1024,
      cpuUs: tight ? prng.between(2, 60) : prng.between(1, 5),
      noReceive: odd === 0 && host === 1,
      noSend: odd === 1 && host === 1,
      rateLimit: odd === 2 ? prng.between(1, 20) * 1_000_000 : undefined,
      link: { ...network, lossIn: prng.below(3) === 0 ? 0 : network.lossIn },
      closed: closed.below(6) === 0,
      disk: drawDisk(prng, {
        faults: diskFaults && prng.below(2) === 0,
        slow: slowDisks && prng.below(2) === 0,
      }),
    });
  }
  return plans;
}

function drawDisk(prng: Prng, on: { faults: boolean; slow: boolean }): DiskFaults {
  const maybe = (rate: number) => (on.faults && prng.below(3) === 0 ? rate : 0);
  return {
    ...NO_DISK_FAULTS,
    sourceFail: maybe(20_000),
    fileChange: maybe(150_000),
    fileUnreadable: maybe(50_000),
    refuse: maybe(300_000),
    full: maybe(30_000),
    prepareFail: maybe(300_000),
    commitFail: maybe(300_000),
    badDigest: maybe(100_000),
    slow: on.slow ? 50_000 : 0,
    slowUs: on.slow ? prng.pick([20_000, 150_000, 1_500_000]) : 0,
    flushUs: on.slow ? prng.pick([0, 300_000, 6_000_000]) : 0,
  };
}

function drawPushes(prng: Prng, options: { hosts: number; safetyUs: number }): PushPlan[] {
  const { hosts, safetyUs } = options;
  const count = prng.between(1, 6);
  const together = prng.below(2) === 0;
  const spread = prng.pick([3_000, 30_000, 300_000]);
  const at = SETTLED_US + prng.below(safetyUs >> 1);
  const pushes: PushPlan[] = [];
  for (let push = 0; push < count; push++) {
    const some = Array.from({ length: hosts }, (_, host) => host).filter(() => prng.below(2) === 0);
    const host = prng.below(hosts);
    const named = some.filter((other) => other !== host);
    pushes.push({
      at: together ? at + prng.below(spread) : SETTLED_US + prng.below((safetyUs * 3) >> 2),
      host,
      folder: prng.below(3) === 0 ? undefined : `d${push % 2}`,
      dryRun: prng.below(6) === 0,
      names: prng.below(2) === 0,
      hosts: prng.below(4) === 0 && named.length > 0 ? named : undefined,
      wrong: prng.below(20) === 0 ? prng.pick(["path", "host"] as const) : undefined,
      cancelAfter: prng.below(5) === 0 ? prng.below(prng.pick([5_000, 30_000, 300_000])) : undefined,
      task: drawTask(prng.fork(`task ${push}`)),
    });
  }
  return [...pushes, ...drawSecondTries(prng.fork("again"), pushes)];
}

/** Whoever cancels a push often starts another at once, while the first is being cleared away. */
function drawSecondTries(prng: Prng, pushes: readonly PushPlan[]): PushPlan[] {
  return pushes.flatMap((push) => {
    if (push.cancelAfter === undefined || prng.below(2) === 0) return [];
    const at = push.at + push.cancelAfter + prng.below(prng.pick([300, 3_000]));
    return [{ ...push, at, cancelAfter: undefined }];
  });
}

function drawTask(prng: Prng): Task {
  const dice = prng.below(10);
  const mode = dice === 0 ? "prune" : dice === 1 ? "check" : "send";
  const removes = prng.pick(["nothing", "extra", "extra", "missing"] as const);
  return {
    ...SEND_TASK,
    mode,
    removes: mode === "prune" && removes === "nothing" ? "extra" : removes,
    removesMax: prng.below(8) === 0 ? prng.below(12) : undefined,
  };
}

/** The moments at which a push changes hands, where it is most easily dropped. */
function drawPacket(prng: Prng, kind: Disturbance["kind"]): Disturbance["packet"] {
  const { offer, report, data, nak, commit, end, query } = PacketType;
  const type = kind === "half" ? commit : prng.pick([offer, report, data, nak, commit, commit, end, query]);
  return { type, count: prng.between(1, type === data ? 60 : 4), sender: prng.below(2) === 0 };
}

function drawHalf(prng: Prng, hosts: number): Disturbance {
  const lastsUs = prng.between(50_000, 3_000_000);
  return { kind: "half", host: prng.below(hosts), at: 0, lastsUs, packet: drawPacket(prng, "half") };
}

/** Most troubles come while something is under way, and often to the one who does it. */
function drawDisturbances(
  prng: Prng,
  options: { hosts: number; safetyUs: number; pushes: readonly PushPlan[] },
): Disturbance[] {
  const { hosts, safetyUs, pushes } = options;
  if (prng.below(2) === 0) return [];
  // Alone, since any other trouble would explain too much.
  if (prng.below(8) === 0) return [drawHalf(prng, hosts)];
  const kinds = (["crash", "stop", "pause", "side", "deaf", "mute", "half"] as const).filter(
    () => prng.below(3) === 0,
  );
  if (kinds.length === 0) return [];
  const disturbances: Disturbance[] = [];
  const count = prng.between(1, 4);
  for (let i = 0; i < count; i++) {
    const kind = prng.pick(kinds);
    const push = prng.pick(pushes);
    const triggered = kind === "half" || prng.below(3) === 0;
    const soon = prng.below(4) !== 0;
    const at = soon
      ? push.at + prng.below(prng.pick([5_000, 40_000, 400_000]))
      : SETTLED_US + prng.below(safetyUs);
    const host = soon && prng.below(3) === 0 ? push.host : prng.below(hosts);
    const lasts = prng.pick([60_000, 400_000, 2_000_000, 7_000_000]);
    const forGood = (kind === "crash" || kind === "stop") && hosts > 2 && i === 0 && prng.below(3) === 0;
    disturbances.push({
      kind,
      host,
      at: triggered ? prng.below(20_000) : at,
      lastsUs: forGood ? undefined : 1_000 + prng.below(lasts),
      packet: triggered ? drawPacket(prng, kind) : undefined,
    });
  }
  return disturbances;
}
