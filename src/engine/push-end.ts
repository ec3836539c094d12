import type { Micros } from "../wire/brand.ts";
import { EndReason } from "../wire/constants.ts";
import type { PushKey } from "../wire/disk-port.ts";
import type { Core } from "./core.ts";
import { keyText } from "./names.ts";
import type { ReportAcks } from "./report-acks.ts";
import { END_COPIES, END_DELAY_US, END_SPACING_US } from "./tuning.ts";

const NEVER = Number.POSITIVE_INFINITY as Micros;

/** How a push ends at its owner: END is repeated (PROTOCOL §8.3), the source closes, and the last event goes out when it has told all. */
export class PushEnd {
  readonly #core: Core;
  readonly #key: PushKey;
  readonly #request: number;
  readonly #acks: ReportAcks;
  #reason: EndReason | undefined;
  /** Why the whole push came to nothing, if it did. */
  #rejection: string | undefined;
  #copies = END_COPIES;
  #due: Micros = NEVER;
  #sourceClosed = false;
  #told = false;

  /** `request`: the console's number for the push. */
  constructor(
    core: Core,
    key: PushKey,
    { request, acks }: { readonly request: number; readonly acks: ReportAcks },
  ) {
    this.#core = core;
    this.#key = key;
    this.#request = request;
    this.#acks = acks;
  }

  /** Whether the push is ending, or has ended. */
  get begun(): boolean {
    return this.#reason !== undefined;
  }

  /** Whether nothing is left to do: the push can be forgotten. */
  get over(): boolean {
    return this.#told && this.#copies === 0;
  }

  /** What END says to those who ask; before the end, that they are out of it. */
  get reason(): EndReason {
    return this.#reason ?? EndReason.dropped;
  }

  /**
   * Every target has its outcome, or, with `rejection`, the push is given up. The first END comes a moment after the last word to the user, who is
   * waiting: it makes all receivers clean up at once.
   */
  begin(reason: EndReason, end: { readonly rejection: string | undefined; readonly now: Micros }): void {
    this.#reason = reason;
    this.#rejection = end.rejection;
    this.#core.out.source({ kind: "close", key: this.#key });
    this.#due = (end.now + (reason === EndReason.done ? END_DELAY_US : 0)) as Micros;
  }

  onSourceClosed(): void {
    this.#sourceClosed = true;
    this.#tell();
  }

  onTimeout(now: Micros): void {
    if (this.begun && now >= this.#due) this.#send(now);
  }

  deadline(): Micros {
    return this.#due;
  }

  #send(now: Micros): void {
    // Whoever misses the end knows at least that all he had to say has arrived.
    this.#acks.flush();
    this.#core.out.send(this.#key.push, { type: "end", reason: this.reason, ids: [] });
    this.#copies--;
    this.#due = this.#copies > 0 ? ((now + END_SPACING_US) as Micros) : NEVER;
    this.#tell();
  }

  #tell(): void {
    if (!this.#sourceClosed || !this.begun || this.#told) return;
    this.#told = true;
    const [request, text] = [this.#request, this.#rejection];
    const about = `push ${keyText(this.#key)} is over${text === undefined ? "" : `: ${text}`}`;
    this.#core.out.event({ kind: "log", level: 2, text: about });
    this.#core.out.event(
      text === undefined ? { kind: "finished", request } : { kind: "rejected", request, text },
    );
  }
}
