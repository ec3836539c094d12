/** Plays transcripts in a lab: real daemons, and clients that know nothing but bytes. */
import { readFileSync } from "node:fs";
import { version } from "../../package.json" with { type: "json" };
import { until } from "../io/daemon-fixture.ts";
import type { Daemon } from "../lab/daemon.ts";
import type { Host, Lab } from "../lab/lab.ts";
import { comparable } from "./answers.ts";
import { isTurn, type Step, splitSaid } from "./transcript.ts";
import type { Values } from "./values.ts";

const pipe = new URL("console-pipe.ts", import.meta.url).pathname;
/** Nothing that a transcript waits for takes as long. */
const patienceMs = 15_000;
/** Hosts and daemons for one transcript after the other. A daemon is started anew when it needs other arguments, or has ended. */
export class Theatre {
  readonly #lab: Lab;
  readonly #daemons = new Map<string, { readonly daemon: Daemon; readonly args: string }>();

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  /**
   * Plays the steps from empty bases and returns them with what really came: only `server` and `shell` steps can differ. Results of
   * several hosts are put into the order that the transcript has, as far as they are in it.
   */
  async play(steps: readonly Step[]): Promise<Step[]> {
    const clients = new Map<string, Client>();
    let client: Client | undefined;
    // What comes before the daemons' arguments comes before the daemons.
    const first = steps.findLastIndex((step) => step.kind === "daemon") + 1;
    const played = await this.#prepare(steps.slice(0, first));
    try {
      for (const step of steps.slice(first)) {
        if (step.kind === "connect") {
          client = await this.#connect(step);
          clients.set(step.name, client);
        } else if (step.kind === "use") client = clients.get(step.name);
        else if (step.kind === "client") client?.send(step.bytes);
        else if (step.kind === "signal")
          await this.#of(step.host).daemon.kill(`SIG${step.signal}` as NodeJS.Signals);
        played.push(await this.#played(step, client));
      }
    } finally {
      for (const each of clients.values()) each.destroy();
    }
    return played;
  }

  async #played(step: Step, client: Client | undefined): Promise<Step> {
    if (step.kind === "server" && client !== undefined)
      return { kind: "server", ...(await client.hear(step)) };
    if (step.kind !== "shell") return step;
    const printed = await this.#host(step.host).shell(`cd /srv/www && ${step.line}`);
    return { ...step, printed: printed.split("\n").slice(0, -1) };
  }

  async #prepare(steps: readonly Step[]): Promise<Step[]> {
    const args = new Map<string, readonly string[]>();
    for (const step of steps) if (step.kind === "daemon") args.set(step.host, step.args);
    const { hosts } = this.#lab;
    await Promise.all(hosts.map((host) => host.shell("find /srv/www -mindepth 1 -delete")));
    const played: Step[] = [];
    for (const step of steps) played.push(await this.#played(step, undefined));
    await Promise.all(hosts.map((host) => this.#start(host, args.get(host.name) ?? [])));
    const names = new Map(hosts.map((host) => [host, nameIn(args.get(host.name)) ?? host.name]));
    await Promise.all(
      hosts.map(async (host) => {
        const others = hosts.filter((other) => other !== host).map((other) => names.get(other) ?? "");
        // One with a password does not tell.
        if (args.get(host.name)?.includes("-K") !== true) await host.knows(others);
      }),
    );
    return played;
  }

  async #start(host: Host, words: readonly string[]): Promise<void> {
    const running = this.#daemons.get(host.name);
    const args = words.join(" ");
    if (running?.daemon.running === true && running.args === args) return;
    // It says goodbye, so that nobody waits for it.
    await running?.daemon.kill("SIGTERM");
    this.#daemons.set(host.name, { daemon: await host.daemon({ args: words }), args });
  }

  async #connect({ host: name, to }: Extract<Step, { kind: "connect" }>): Promise<Client> {
    const host = this.#host(name);
    const target = to.startsWith("/") ? host.namespace.path(to) : to;
    const status = readFileSync(`/proc/${this.#of(name).daemon.pid}/status`, "latin1");
    const pid = Number(/^NSpid:.*\t(\d+)$/m.exec(status)?.[1]);
    return new Client(host.namespace.networkCommand([process.execPath, pipe, target]), { pid, version });
  }

  #host(name: string): Host {
    const host = this.#lab.hosts.find((each) => each.name === name);
    if (host === undefined) throw new Error(`there is no ${name}`);
    return host;
  }

  #of(name: string): { readonly daemon: Daemon; readonly args: string } {
    const found = this.#daemons.get(name);
    if (found === undefined) throw new Error(`there is no daemon at ${name}`);
    return found;
  }
}

function nameIn(args: readonly string[] | undefined): string | undefined {
  const at = args?.indexOf("--name") ?? -1;
  return at < 0 ? undefined : args?.[at + 1];
}

/** One connection to a console. */
class Client {
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #values: Values;
  #received = "";
  #ended = false;
  /** Lines that have been sent and not been answered. */
  #asked: string[] = [""];

  constructor(command: readonly string[], values: Values) {
    this.#values = values;
    this.#process = Bun.spawn([...command], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    void this.#collect();
  }

  send(bytes: string | "end"): void {
    if (bytes === "end") this.#process.stdin.end();
    else {
      this.#asked.push(...bytes.split("\n").slice(0, -1));
      this.#process.stdin.write(Buffer.from(bytes, "latin1"));
      this.#process.stdin.flush();
    }
  }

  /** Waits until as many turns have come as `wanted` has (all, if it says nothing), or for the end; takes what came until then. */
  async hear(wanted: Extract<Step, { kind: "server" }>): Promise<Pick<typeof wanted, "said" | "ends">> {
    const turns = (pieces: readonly string[]) => pieces.filter(isTurn).length;
    const all = wanted.ends || turns(wanted.said) === 0;
    const enough = all ? this.#asked.length + (wanted.ends ? 1 : 0) : turns(wanted.said);
    const heard = () => this.#ended || turns(splitSaid(this.#received)) >= enough;
    if (!(await until(heard, patienceMs)))
      throw new Error(`no answer to ${JSON.stringify(this.#asked)}, only ${JSON.stringify(this.#received)}`);
    const pieces = splitSaid(this.#received);
    const last = pieces.findIndex((_, at) => turns(pieces.slice(0, at + 1)) === enough);
    const taken = last < 0 ? pieces : pieces.slice(0, last + 1);
    this.#received = this.#received.slice(taken.join("").length);
    const said = comparable(taken, { asked: this.#asked, wanted: wanted.said, values: this.#values });
    this.#asked.splice(0, turns(taken));
    return { said, ends: this.#ended && this.#received === "" };
  }

  destroy(): void {
    this.#process.kill("SIGKILL");
  }

  async #collect(): Promise<void> {
    for await (const chunk of this.#process.stdout) this.#received += Buffer.from(chunk).toString("latin1");
    this.#ended = true;
  }
}
