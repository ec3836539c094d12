import type { Conversation, ConversationListener } from "./conversation.ts";
import { displayText, textToBytes } from "./display.ts";
import { JsonClient } from "./json-client.ts";
import type { JsonEvent } from "./json-protocol.ts";
import type { MsyncPush } from "./msync-options.ts";
import { MsyncReport } from "./msync-report.ts";
import { PUSH_ID, pushRequest } from "./msync-request.ts";
import type { MsyncWorld } from "./msync-world.ts";
import type { Progress, Summary } from "./progress-line.ts";
import type { ProgressView } from "./progress-view.ts";

/** A push that is over by then shows no progress. */
const progressAfterMs = 200;

export type PushOptions = {
  readonly push: MsyncPush;
  readonly level: number;
  /** The console's address for people, as bytes. */
  readonly where: string;
};

/**
 * One push over the machine's console. It has succeeded only if the daemon says so in its last word, and nothing said before was
 * a failure.
 */
export class PushRun {
  readonly #push: MsyncPush;
  readonly #world: MsyncWorld;
  readonly #client: JsonClient;
  readonly #done: (status: number) => void;
  readonly #report: MsyncReport;
  /** Whether there will be a progress line. */
  readonly #shows: boolean;
  readonly #hosts = new Set<string>();
  readonly #complete = new Set<string>();
  readonly #failed = new Map<string, string>();
  #view: ProgressView | undefined;
  #last: Progress["last"] | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #over = false;

  constructor(
    conversation: Conversation,
    { push, level, where }: PushOptions,
    { world, done }: { readonly world: MsyncWorld; done(status: number): void },
  ) {
    this.#push = push;
    this.#world = world;
    this.#done = done;
    this.#shows = !push.json && world.showsProgress(push.progress);
    this.#report = new MsyncReport({ ...push, level }, (fd, lines) => {
      if (!push.json) this.#print(fd, lines);
    });
    this.#client = new JsonClient(conversation, where, {
      ready: () => this.#ask(),
      raw: (line) => {
        if (push.json) world.print(1, [line]);
      },
      event: (event) => {
        if (!("id" in event) || event.id === undefined || event.id === PUSH_ID) this.#event(event);
      },
      failed: (text) => this.#fail(text),
    });
  }

  get listener(): ConversationListener {
    return this.#client;
  }

  #ask(): void {
    const { json, progress } = this.#push;
    const shows = this.#shows;
    this.#client.send(
      pushRequest(this.#push, {
        files: json || this.#report.wantsNames,
        progress: shows || (json && progress !== "never"),
      }),
    );
    if (shows) this.#timer = setTimeout(() => void this.#openView(), progressAfterMs);
  }

  #event(event: JsonEvent): void {
    this.#keep(event);
    this.#report.event(event);
    if (event.event === "finished") this.#finished(event);
    else if (event.event === "error" && this.#push.json) this.#finish(1);
    else if (event.event === "error") this.#fail(textToBytes(displayText(event.text)));
  }

  /** Keeps what the progress line and the summary need. */
  #keep(event: JsonEvent): void {
    switch (event.event) {
      case "started":
        for (const host of event.hosts) this.#hosts.add(host);
        break;
      case "outcome":
        if (event.outcome === "complete") this.#complete.add(event.host);
        else this.#failed.set(event.host, event.outcome);
        break;
      case "progress":
        this.#last = event;
        break;
      default:
        return;
    }
    if (this.#last !== undefined) this.#view?.update({ last: this.#last, failed: this.#failed });
  }

  #finished({ ok, seconds }: Extract<JsonEvent, { event: "finished" }>): void {
    const wrong = this.#failed.size > 0 || this.#report.failed;
    // Whatever the daemon counts as wrong, it has said; if not, the status must not be silent.
    if (!ok && !wrong && !this.#push.json) this.#print(2, ["error: the push did not succeed"]);
    this.#finish(ok && !wrong ? 0 : 1, {
      bytes: (ok ? this.#last?.contentBytes : this.#last?.sentBytes) ?? 0,
      seconds,
      hosts: this.#hosts.size,
      complete: this.#complete.size,
    });
  }

  #fail(text: string): void {
    if (this.#over) return;
    this.#report.stopped();
    this.#print(2, [`error: ${text}`]);
    this.#finish(1);
  }

  #finish(status: number, summary?: Summary): void {
    if (this.#over) return;
    this.#over = true;
    clearTimeout(this.#timer);
    this.#view?.close(summary);
    this.#view = undefined;
    this.#done(status);
  }

  /** Prints whole lines, above the progress line if there is one. */
  #print(fd: 1 | 2, lines: readonly string[]): void {
    const { print } = this.#world;
    if (this.#view === undefined) print(fd, lines);
    else this.#view.above(() => print(fd, lines));
  }

  async #openView(): Promise<void> {
    const view = await this.#world.openProgress(this.#push.progress === "always");
    if (view === undefined) return;
    if (this.#over) {
      view.close(undefined);
      return;
    }
    this.#view = view;
    if (this.#last !== undefined) view.update({ last: this.#last, failed: this.#failed });
  }
}
