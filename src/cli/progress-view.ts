import { Writable } from "node:stream";
import { createLogUpdate } from "log-update";
import { print } from "./print.ts";
import { type Progress, progressText, type Summary, summaryText } from "./progress-line.ts";

/** The progress line on a terminal. */
export type ProgressView = {
  update(progress: Progress): void;
  /** Lets something print lines: above the line, which comes back at the next update. */
  above(printLines: () => void): void;
  /** Takes the line away, and leaves the summary if there is one. */
  close(summary: Summary | undefined): void;
};

const columnsDefault = 80;
/** The line comes back this long after what was printed above it: not for each of many. */
const restMs = 50;
/** One line up, and that one emptied (ECMA-48). */
const UP_AND_ERASE = "\x1b[1A\x1b[2K";

/** Opens the line on stderr; undefined: that is no terminal. `always`: it is taken for one. */
export function openProgressView(always: boolean): ProgressView | undefined {
  if (!always && !process.stderr.isTTY) return undefined;
  return new View();
}

class View implements ProgressView {
  readonly #draw = createLogUpdate(terminal(), { showCursor: true });
  #progress: Progress | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Columns of the line that is there. */
  #width = 0;
  /** Whether the line has ever been there. */
  #drawn = false;

  constructor() {
    process.stderr.on("resize", this.#resized);
  }

  update(progress: Progress): void {
    this.#progress = progress;
    this.#redraw();
  }

  above(printLines: () => void): void {
    this.#erase();
    printLines();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#redraw();
    }, restMs);
  }

  close(summary: Summary | undefined): void {
    clearTimeout(this.#timer);
    process.stderr.off("resize", this.#resized);
    this.#erase();
    if (this.#drawn && summary !== undefined) print(2, `${summaryText(summary)}\n`);
    this.#progress = undefined;
  }

  #redraw(): void {
    if (this.#progress === undefined || this.#timer !== undefined) return;
    this.#drawn = true;
    // The last column stays free: some terminals go to the next line when it is filled.
    const text = progressText(this.#progress, columns() - 1);
    this.#width = Bun.stringWidth(text);
    this.#draw(text);
  }

  #erase(): void {
    this.#draw.clear();
    this.#width = 0;
  }

  readonly #resized = (): void => {
    const rows = Math.ceil(this.#width / columns());
    if (rows > 1 && reflows()) {
      this.#erase();
      print(2, UP_AND_ERASE.repeat(rows - 1));
    }
    this.#redraw();
  };
}

function columns(): number {
  return process.stderr.columns || columnsDefault;
}

/** Whether the terminal folds lines that have become too long, instead of cutting them. Most do; these say that they are others. */
function reflows(): boolean {
  const { TMUX, XTERM_VERSION, STY, TERM = "" } = process.env;
  if (TMUX !== undefined) return true;
  return XTERM_VERSION === undefined && STY === undefined && !/^(linux|vt|screen)/.test(TERM);
}

/** stderr as log-update wants it. What it writes must not overtake, or be overtaken by, what `print` writes. */
function terminal(): NodeJS.WritableStream {
  const stream = new Writable({
    decodeStrings: false,
    write: (text: string, _, done) => {
      print(2, Buffer.from(text, "utf8").toString("latin1"));
      done();
    },
  });
  return Object.defineProperties(stream, {
    columns: { get: columns },
    rows: { get: () => process.stderr.rows || undefined },
    isTTY: { get: () => process.stderr.isTTY === true },
  });
}
