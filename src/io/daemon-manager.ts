import { openNotify, sendNotify } from "./daemon-shim.ts";

/** The environment of a process. */
type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The service manager that has started this process, if one has and wants to be told of it (sd_notify(3), systemd.service(5)). Opened before
 * anything that hides its socket; messages that it does not take are lost, as there is nobody to tell.
 */
export class ServiceManager {
  readonly #fd: number | undefined;
  /** Time within which the manager wants to hear `alive` again and again, in microseconds; undefined: it does not. */
  readonly watchdogUs: number | undefined;

  constructor(environment: Environment) {
    const { NOTIFY_SOCKET: path, WATCHDOG_USEC: time = "", WATCHDOG_PID: pid = "" } = environment;
    const opened = path === undefined || !/^[/@]./.test(path) ? undefined : openNotify(path);
    this.#fd = typeof opened === "number" ? opened : undefined;
    const forUs = pid === "" || pid === String(process.pid);
    this.watchdogUs =
      this.#fd !== undefined && forUs && /^[1-9]\d{0,14}$/.test(time) ? Number(time) : undefined;
  }

  /** All is up. */
  ready(): void {
    this.#tell("READY=1", `MAINPID=${process.pid}`);
  }

  reloading(): void {
    this.#tell("RELOADING=1", `MONOTONIC_USEC=${process.hrtime.bigint() / 1_000n}`);
  }

  stopping(): void {
    this.#tell("STOPPING=1");
  }

  alive(): void {
    this.#tell("WATCHDOG=1");
  }

  #tell(...lines: readonly string[]): void {
    if (this.#fd !== undefined) sendNotify(this.#fd, lines.join("\n"));
  }
}
