/** Hosts with daemons, and a way to their consoles. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Host } from "../lab/lab.ts";
import { killTree, until } from "../lab/run.ts";
import { ConsoleClient, type Target } from "./console-client.ts";

/** Leads to the TCP console of a host, from the network of the test. */
export class Way {
  readonly #process: Bun.Subprocess<"ignore", "pipe", "inherit">;
  readonly #folder: string;
  readonly target: Target;

  private constructor(process: Bun.Subprocess<"ignore", "pipe", "inherit">, folder: string, path: string) {
    this.#process = process;
    this.#folder = folder;
    this.target = { kind: "unix", path };
  }

  /** Opens a way; it need not be that anybody listens on the port yet. */
  static async to(host: Host, port = 5000): Promise<Way> {
    const folder = mkdtempSync(join(tmpdir(), "console-way-"));
    const path = join(folder, "socket");
    const script = join(import.meta.dir, "relay.ts");
    const argv = host.namespace.networkCommand([process.execPath, script, path, String(port)]);
    const relay = Bun.spawn([...argv], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    const reader = relay.stdout.getReader();
    const { done } = await reader.read();
    reader.releaseLock();
    if (done) throw new Error("the relay has ended");
    return new Way(relay, folder, path);
  }

  /** A new console. */
  connect(): Promise<ConsoleClient> {
    return ConsoleClient.connect(this.target);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** A file below a host's base; all that makes it equal to another is given, so that two with the same arguments are. */
export function place(host: Host, name: string, given: { text: string | Uint8Array; time?: number }): void {
  const path = join(host.path(), name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, given.text);
  chmodSync(path, 0o644);
  const time = given.time ?? 1_000_000_000;
  utimesSync(path, time, time);
}

/** Waits for so long that whatever was going to be sent has come. */
export function quiet(): Promise<void> {
  return Bun.sleep(300);
}

/** A daemon whose console is a unix socket. */
export class UnixDaemon {
  readonly #process: Bun.Subprocess<"ignore", "ignore", "pipe">;
  readonly #path: string;

  private constructor(process: Bun.Subprocess<"ignore", "ignore", "pipe">, path: string) {
    this.#process = process;
    this.#path = path;
  }

  /** Starts `makuosan` with these arguments, of which `-U` is added, and waits until its console answers. */
  static async start(host: Host, socket: string, args: readonly string[]): Promise<UnixDaemon> {
    const argv = host.namespace.command(["makuosan", "-n", "-U", socket, ...args]);
    const started = Bun.spawn([...argv], {
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
      env: { ...process.env, ...host.environment() },
    });
    const daemon = new UnixDaemon(started, host.path(socket));
    await until(`a console at ${socket}`, async () => {
      if (started.exitCode !== null) throw new Error(await started.stderr.text());
      const client = await daemon.connect().catch(() => undefined);
      const greeted = await client?.greeting().catch(() => undefined);
      client?.destroy();
      return greeted;
    });
    return daemon;
  }

  /** A new console. */
  connect(): Promise<ConsoleClient> {
    return ConsoleClient.connect({ kind: "unix", path: this.#path });
  }

  /** Ends it, by SIGKILL as if it had crashed. */
  async [Symbol.asyncDispose](): Promise<void> {
    killTree(this.#process.pid, "SIGKILL");
    await this.#process.exited;
  }
}
