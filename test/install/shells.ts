/** Shells at a terminal, for what the tabulator key does there. */
import { until } from "../lab/run.ts";

const KILL_LINE = "\x15";

/** An interactive shell on a pseudo-terminal. */
export class Shell {
  readonly #process: Bun.Subprocess;
  #screen = "";

  private constructor(command: readonly string[], env: Readonly<Record<string, string>>, cwd: string) {
    const decoder = new TextDecoder();
    this.#process = Bun.spawn([...command], {
      cwd,
      env: { ...env, TERM: "xterm", PS1: "", LC_ALL: "C.UTF-8" },
      terminal: {
        cols: 200,
        rows: 50,
        data: (_, bytes) => {
          this.#screen += decoder.decode(bytes, { stream: true });
        },
      },
    });
  }

  /** Starts a shell and lets it run some commands first. */
  static async start(
    command: readonly string[],
    given: { readonly env: Readonly<Record<string, string>>; readonly cwd: string; readonly setup: string },
  ): Promise<Shell> {
    const shell = new Shell(command, given.env, given.cwd);
    // What is typed is shown as well: the words to wait for must not be among it.
    shell.type(`${given.setup}; echo re''ady\n`);
    await shell.shows("ready");
    return shell;
  }

  /** Everything on the screen since the last call of `clear`, without what moves the cursor or gives colour. */
  get text(): string {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is left out
    return this.#screen.replace(/\x1b(\[[0-9;?>=]*[A-Za-z]|[=>]|\][^\x07]*\x07)|\x07/g, "");
  }

  type(keys: string): void {
    this.#process.terminal?.write(keys);
  }

  /** Types the start of a line and the tabulator, waits until a text is shown, and gives the line up. */
  async completes(line: string, to: string): Promise<void> {
    this.#screen = "";
    this.type(`${line}\t`);
    await this.shows(to);
    // Not an interrupt: the terminal would throw away what is typed next.
    this.type(KILL_LINE);
  }

  async shows(text: string): Promise<void> {
    try {
      await until(text, () => (this.text.includes(text) ? true : undefined), { timeoutMs: 5_000 });
    } catch {
      throw new Error(`the terminal does not show ${JSON.stringify(text)}: ${JSON.stringify(this.text)}`);
    }
  }

  async end(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    this.#process.terminal?.close();
  }
}
