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

/** Opens the line on stderr; undefined: that is no terminal. `always`: it is taken for one. */
export function openProgressView(always: boolean): ProgressView | undefined {
  if (!always && !process.stderr.isTTY) return undefined;
  return new View();
}

class View implements ProgressView {
  readonly #draw = createLogUpdate(terminal(), { showCursor: true });
  #progress: Progress | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Whether the line has ever been there. */
  #drawn = false;

  constructor() {
    process.stderr.on("resize", this.#redraw);
  }

  update(progress: Progress): void {
    this.#progress = progress;
    this.#redraw();
  }

  above(printLines: () => void): void {
    this.#draw.clear();
    printLines();
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#redraw();
    }, restMs);
  }

  close(summary: Summary | undefined): void {
    clearTimeout(this.#timer);
    process.stderr.off("resize", this.#redraw);
    this.#draw.clear();
    if (this.#drawn && summary !== undefined) print(2, `${summaryText(summary)}\n`);
    this.#progress = undefined;
  }

  readonly #redraw = (): void => {
    if (this.#progress === undefined || this.#timer !== undefined) return;
    this.#drawn = true;
    // The last column stays free: some terminals go to the next line when it is filled.
    this.#draw(progressText(this.#progress, (process.stderr.columns || columnsDefault) - 1));
  };
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
    columns: { get: () => process.stderr.columns || columnsDefault },
    rows: { get: () => process.stderr.rows || undefined },
    isTTY: { get: () => process.stderr.isTTY === true },
  });
}
