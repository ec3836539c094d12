/**
 * Hosts on a switch, all on this machine: each has a network, a host name, a process table and a file system at `/srv` of its own. Needs
 * root, or `unshare --user --map-root-user --mount` around the whole process.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { Daemon } from "./daemon.ts";
import { Namespace, PRIVATE } from "./namespace.ts";
import { addressOf, Network, type Wire } from "./network.ts";
import { type Result, type RunOptions, until } from "./run.ts";
import { SharedFolder } from "./shared-folder.ts";

const REPOSITORY = resolve(import.meta.dir, "../..");
const DEFAULT_PORT = 5000;

export type LabOptions = {
  readonly hosts: number;
  /** The wire at every host; can be changed later. */
  readonly wire?: Wire;
  /** Run the sources (default), or the executable of `make build`. The environment's MAKUOSAN_LAB=binary changes the default. */
  readonly program?: "source" | "binary";
};

export type DaemonOptions = {
  /** Base directory as the host sees it; `Host.base` unless told. */
  readonly base?: string;
  readonly args?: readonly string[];
  /** Console port to wait for. */
  readonly port?: number;
};

/** Some hosts and the wire between them. Made by `Lab.create`, ended by `await using`. */
export class Lab {
  readonly #hosts: readonly Host[];
  readonly #network: Network;
  readonly #folder: SharedFolder;

  private constructor(hosts: readonly Host[], network: Network, folder: SharedFolder) {
    this.#hosts = hosts;
    this.#network = network;
    this.#folder = folder;
  }

  /** Builds hosts `host1`, `host2`, … and the wire; no daemon runs yet. */
  static async create(options: LabOptions): Promise<Lab> {
    const commands = programs(
      options.program ?? (process.env.MAKUOSAN_LAB === "binary" ? "binary" : "source"),
    );
    const folder = new SharedFolder("makuosan-lab");
    const made: { destroy(): Promise<void> }[] = [];
    try {
      const network = await Network.create(folder.path);
      made.push(network);
      const numbers = Array.from({ length: options.hosts }, (_, i) => i + 1);
      const hosts = await Promise.all(
        numbers.map(async (index) => {
          const tree = `${folder.path}/host${index}`;
          mkdirSync(tree);
          const namespace = await Namespace.create(`host${index}`, tree);
          made.push(namespace);
          await network.connect(index, namespace);
          return new Host(index, namespace, { tree, commands });
        }),
      );
      const lab = new Lab(hosts, network, folder);
      if (options.wire !== undefined) await lab.shape(options.wire);
      return lab;
    } catch (error) {
      await Promise.all(made.map((part) => part.destroy()));
      await folder.destroy();
      throw error;
    }
  }

  get hosts(): readonly Host[] {
    return this.#hosts;
  }

  /** Host number `index`, from 1. */
  host(index: number): Host {
    const host = this.#hosts[index - 1];
    if (host === undefined) throw new Error(`the lab has no host${index}`);
    return host;
  }

  /** Changes the wire at the hosts given, or at all. */
  async shape(wire: Wire, hosts: readonly Host[] = this.#hosts): Promise<void> {
    await Promise.all(hosts.map((host) => this.#network.shape(host.index, host.namespace, wire)));
  }

  /** UDP packets lost and doubled on purpose at one host. */
  faults(host: Host): Promise<{ lost: number; doubled: number }> {
    return this.#network.faults(host.index, host.namespace);
  }

  /** Parts these hosts from the others; among themselves they still reach each other. */
  partition(hosts: readonly Host[]): Promise<void> {
    const indexes = hosts.map((host) => host.index);
    return this.#network.move(indexes, "other");
  }

  /** Undoes all partitions. */
  heal(): Promise<void> {
    const indexes = this.#hosts.map((host) => host.index);
    return this.#network.move(indexes, "main");
  }

  cable(host: Host, state: "up" | "down"): Promise<void> {
    return this.#network.cable(host.index, state);
  }

  /** Starts a daemon on each host, and waits until each knows all others. */
  async startAll(options: DaemonOptions = {}): Promise<Daemon[]> {
    const daemons = await Promise.all(this.#hosts.map((host) => host.daemon(options)));
    await this.settled(this.#hosts);
    return daemons;
  }

  /** Waits until each of these hosts lists exactly the others of them. Returns the milliseconds that it took. */
  async settled(hosts: readonly Host[], timeoutMs = 10_000): Promise<number> {
    const started = performance.now();
    await Promise.all(
      hosts.map((host) => {
        const others = hosts.filter((other) => other !== host).map((other) => other.name);
        return host.knows(others, timeoutMs);
      }),
    );
    return performance.now() - started;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#hosts.map((host) => host.namespace.destroy()), this.#network.destroy()]);
    await this.#folder.destroy();
  }
}

/** One host of a lab: what an operator could do when logged in there. */
export class Host {
  readonly name: string;
  readonly address: string;
  /** The base directory, as this host sees it. It exists, is empty, and belongs to root. */
  readonly base = `${PRIVATE}/www`;
  readonly #commands: Programs;
  readonly #tree: string;

  readonly index: number;
  readonly namespace: Namespace;

  constructor(index: number, namespace: Namespace, given: { tree: string; commands: Programs }) {
    const { tree, commands } = given;
    this.#tree = tree;
    this.index = index;
    this.namespace = namespace;
    this.name = `host${index}`;
    this.address = addressOf(index);
    this.#commands = commands;
    for (const [name, line] of Object.entries(commands.scripts)) {
      writeFileSync(this.path(`${PRIVATE}/bin/${name}`), `#!/bin/sh\nexec ${line} "$@"\n`, { mode: 0o755 });
    }
  }

  /** Where a path of this host (its base unless told) is found from outside. */
  path(inside: string = this.base): string {
    return inside === this.base ? this.#tree : this.namespace.path(inside);
  }

  /** Runs a command in this host. `makuosan` and `msync` are on its path. */
  exec(argv: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.namespace.run(argv, { ...options, env: { ...this.environment(), ...options.env } });
  }

  /** Runs a line as an operator would type it; rejects unless its status is 0. Returns what it printed. */
  shell(line: string): Promise<string> {
    return this.namespace.must(["sh", "-c", line], { env: this.environment() });
  }

  /** The words that start msync here, without a shell. */
  get msyncCommand(): readonly string[] {
    return this.#commands.msync;
  }

  msync(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.exec([...this.#commands.msync, ...args], options);
  }

  /** Runs the daemon to its end, which must come by itself: for what it refuses. */
  makuosan(args: readonly string[], options: RunOptions = {}): Promise<Result> {
    return this.exec([...this.#commands.makuosan, ...args], { timeoutMs: 20_000, ...options });
  }

  /** Starts the daemon in the foreground and waits for its console. */
  daemon(options: DaemonOptions = {}): Promise<Daemon> {
    const argv = [...this.#commands.makuosan, "-n", "-b", options.base ?? this.base, ...(options.args ?? [])];
    return Daemon.start(this, argv, options.port ?? DEFAULT_PORT);
  }

  /** What the daemon's console answers to a command, prompts included. */
  console(command: string): Promise<string> {
    const script = `exec 3<>/dev/tcp/127.0.0.1/${DEFAULT_PORT} && printf '%s\\nquit\\n' "$1" >&3 && cat <&3`;
    return this.namespace.must(["bash", "-c", script, "bash", command], { timeoutMs: 20_000 });
  }

  /** The hosts that this one's daemon lists, sorted by name. */
  async members(): Promise<string[]> {
    const answer = await this.console("members");
    return [...answer.matchAll(/^(?:> )?(\S+) +\d+\.\d+\.\d+\.\d+ +\(Ver/gm)]
      .map((match) => String(match[1]))
      .sort();
  }

  /** Waits until the daemon lists exactly these hosts. */
  async knows(names: readonly string[], timeoutMs = 10_000): Promise<void> {
    const wanted = [...names].sort().join(" ");
    let seen = "";
    await until(
      `${this.name} to list ${wanted || "nobody"}`,
      async () => {
        seen = (await this.members()).join(" ");
        return seen === wanted ? true : undefined;
      },
      { timeoutMs },
    ).catch((error: unknown) => {
      throw new Error(`${error instanceof Error ? error.message : error}; it lists ${seen || "nobody"}`);
    });
  }

  /** Makes the base also appear as `/var/www`, for commands written so. */
  async provideVarWww(): Promise<void> {
    const overlay = `mkdir ${PRIVATE}/upper ${PRIVATE}/work && mount -t overlay overlay -o lowerdir=/var,upperdir=${PRIVATE}/upper,workdir=${PRIVATE}/work /var && mkdir -p /var/www`;
    await this.shell(`[ -d /var/www ] || { ${overlay}; }; mount --bind ${this.base} /var/www`);
  }

  environment(): Record<string, string> {
    return { PATH: `${PRIVATE}/bin:${process.env.PATH ?? ""}`, HOME: "/root" };
  }
}

type Programs = {
  readonly makuosan: readonly string[];
  readonly msync: readonly string[];
  /** What `makuosan` and `msync` on the host's path stand for. */
  readonly scripts: Readonly<Record<string, string>>;
};

function programs(kind: "source" | "binary"): Programs {
  const parts = { makuosan: [] as string[], msync: [] as string[] };
  for (const name of ["makuosan", "msync"] as const) {
    const file = kind === "binary" ? `${REPOSITORY}/dist/${name}` : `${REPOSITORY}/src/${name}.ts`;
    if (kind === "source") parts[name].push(process.execPath);
    parts[name].push(file);
  }
  const quoted = (argv: readonly string[]) => argv.map((word) => `'${word}'`).join(" ");
  return { ...parts, scripts: { makuosan: quoted(parts.makuosan), msync: quoted(parts.msync) } };
}
