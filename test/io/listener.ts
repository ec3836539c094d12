import { until } from "./daemon-fixture.ts";

/** What arrives at a unix datagram socket, which neither Bun nor Node can open: a service manager's, or that of the system's log. */
export class Listener {
  readonly #process: Bun.Subprocess<"ignore", "pipe", "inherit">;
  #text = "";

  private constructor(command: readonly string[]) {
    this.#process = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "inherit" });
    void this.#collect();
  }

  /** Listens at a path, or at an abstract name after `@`. `within` is a command that runs another one elsewhere, in a namespace say. */
  static async open(path: string, within: readonly string[] = []): Promise<Listener> {
    const program = new URL("listener.pl", import.meta.url).pathname;
    const listener = new Listener([...within, "perl", program, path]);
    if (!(await until(() => listener.#text !== "", 5_000))) throw new Error(`nobody listens at ${path}`);
    return listener;
  }

  /** What has come, a message each; line ends within one are shown as `|`. */
  get messages(): readonly string[] {
    return this.#text.split("\n").slice(1, -1);
  }

  /** Waits for a message. */
  async hears(what: RegExp | string, withinMs = 5_000): Promise<void> {
    const found = () =>
      this.messages.some((message) => (typeof what === "string" ? message === what : what.test(message)));
    if (!(await until(found, withinMs))) throw new Error(`no ${what} in: ${this.#text}`);
  }

  /** From now on nobody listens. */
  async close(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
  }

  async #collect(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.#process.stdout) this.#text += decoder.decode(chunk, { stream: true });
  }
}
