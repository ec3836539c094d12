import type { Host } from "./host.ts";
import type { Disturbance } from "./scenario.ts";
import type { World } from "./world.ts";

/** Trouble shorter than this explains no loss: the patience of both sides is longer. */
const TROUBLE_US_MIN = 500_000;

/** Brings the troubles that the scenario has drawn, at their time or when a certain packet is sent. All are over at `endsAt`. */
export class Nemesis {
  readonly #world: World;
  readonly #endsAt: number;
  /** Packets seen so far, by type. */
  readonly #seen = new Map<number, number>();
  readonly #waiting: Disturbance[] = [];

  constructor(world: World, endsAt: number) {
    this.#world = world;
    this.#endsAt = endsAt;
  }

  start(): void {
    const { queue, network, scenario } = this.#world;
    for (const disturbance of scenario.disturbances) {
      if (disturbance.packet !== undefined) this.#waiting.push(disturbance);
      else queue.at(disturbance.at, () => this.#strike(disturbance, disturbance.host));
    }
    if (this.#waiting.length > 0) network.listen((packet, from) => this.#onPacket(packet, from));
  }

  #onPacket(packet: Uint8Array, from: number): void {
    const type = packet[2] as number;
    const count = (this.#seen.get(type) ?? 0) + 1;
    this.#seen.set(type, count);
    for (const disturbance of this.#waiting) {
      if (disturbance.packet?.type !== type || disturbance.packet.count !== count) continue;
      if (disturbance.kind === "half") {
        this.#half(disturbance, from);
        continue;
      }
      const host = disturbance.packet.sender ? from : disturbance.host;
      this.#world.queue.after(disturbance.at, () => this.#strike(disturbance, host));
    }
  }

  /** The packet is about to be sent: one host does not hear it, and nobody will say it again. */
  #half(disturbance: Disturbance, from: number): void {
    const { queue, network, hosts } = this.#world;
    if (queue.now >= this.#endsAt) return;
    const left = disturbance.host === from ? (from + 1) % hosts.length : disturbance.host;
    network.cut(left, { deaf: true });
    queue.after(1_000, () => {
      network.cut(left, { deaf: false });
      this.#strike({ ...disturbance, kind: "crash" }, from);
    });
  }

  #strike({ kind, lastsUs }: Disturbance, index: number): void {
    const { queue } = this.#world;
    const { now } = queue;
    if (now >= this.#endsAt) return;
    const host = this.#world.host(index);
    const until =
      lastsUs === undefined ? Number.POSITIVE_INFINITY : Math.min(now + lastsUs, this.#endsAt - 1);
    const dies = kind === "crash" || kind === "stop";
    if (dies || until - now >= TROUBLE_US_MIN) host.trouble(now, until);
    begin(this.#world, host, kind);
    if (lastsUs !== undefined) queue.at(until, () => end(this.#world, host, kind));
  }
}

function begin(world: World, host: Host, kind: Disturbance["kind"]): void {
  switch (kind) {
    case "crash":
      host.kill();
      return world.ownerDied(host);
    case "stop":
      return host.stop();
    case "pause":
      return host.pause();
    case "side":
      return world.network.cut(host.index, { side: host.index + 1 });
    case "deaf":
      return world.network.cut(host.index, { deaf: true });
    case "mute":
      return world.network.cut(host.index, { mute: true });
    case "half":
      return;
  }
}

function end(world: World, host: Host, kind: Disturbance["kind"]): void {
  switch (kind) {
    case "crash":
    case "stop":
      host.kill();
      host.start();
      return world.ownerDied(host);
    case "pause":
      return host.resume();
    case "side":
      return world.network.cut(host.index, { side: 0 });
    case "deaf":
      return world.network.cut(host.index, { deaf: false });
    case "mute":
      return world.network.cut(host.index, { mute: false });
    case "half":
      return;
  }
}
