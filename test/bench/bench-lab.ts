/** A lab as a benchmark uses it: daemons on all hosts, host 1 sends, the others receive. */
import type { Daemon } from "../lab/daemon.ts";
import { type Host, Lab } from "../lab/lab.ts";
import type { Wire } from "../lab/network.ts";
import { Launcher } from "./launcher.ts";

/** How the packets of a scenario travel: `offload` bursts whole, `wire` one by one. */
export type Mode = "offload" | "wire";

export type BenchLabOptions = {
  readonly receivers: number;
  readonly wire?: Wire;
  readonly program: "source" | "binary";
  /** What the daemons are started with besides the base. */
  readonly daemonArgs?: readonly string[];
};

/** Hosts with daemons that know each other, and what starts commands at the sender. */
export class BenchLab {
  readonly lab: Lab;
  readonly sender: Host;
  readonly receivers: readonly Host[];
  readonly launcher: Launcher;
  readonly daemons: readonly Daemon[];
  readonly mtu: number;

  private constructor(lab: Lab, launcher: Launcher, given: { daemons: readonly Daemon[]; mtu: number }) {
    this.lab = lab;
    this.sender = lab.host(1);
    this.receivers = lab.hosts.slice(1);
    this.launcher = launcher;
    this.daemons = given.daemons;
    this.mtu = given.mtu;
  }

  /** Builds it; ended by `await using`. */
  static async create(options: BenchLabOptions): Promise<BenchLab> {
    const { wire, program } = options;
    const lab = await Lab.create({
      hosts: options.receivers + 1,
      program,
      ...(wire === undefined ? {} : { wire }),
    });
    try {
      const daemons = await lab.startAll({ args: options.daemonArgs ?? [] });
      const launcher = await Launcher.start(lab.host(1));
      return new BenchLab(lab, launcher, { daemons, mtu: wire?.mtu ?? 1_500 });
    } catch (error) {
      await lab[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Empties the receivers' base directories. */
  async clear(): Promise<void> {
    await Promise.all(
      this.receivers.map((host) => host.shell(`find ${host.base} -mindepth 1 -maxdepth 1 -exec rm -rf {} +`)),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.lab[Symbol.asyncDispose]();
  }
}
