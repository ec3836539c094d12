import type { Micros, NodeId } from "../wire/brand.ts";
import type { SenderPhase } from "../wire/messages.ts";
import type { Core } from "./core.ts";
import type { EngineEvent } from "./ports.ts";
import type { SenderFlow } from "./sender-flow.ts";
import type { PushOrder } from "./sender-state.ts";
import type { Target, Targets } from "./target.ts";
import { PROGRESS_US, SILENT_US } from "./tuning.ts";

const NEVER = Number.POSITIVE_INFINITY as Micros;

type HostProgress = (EngineEvent & { readonly kind: "progress" })["hosts"][number];

/** Tells how far a push has come, if anybody wants to know: now and then, and where a phase ends. */
export class Progress {
  readonly #core: Core;
  readonly #order: PushOrder;
  readonly #targets: Targets;
  readonly #flow: SenderFlow;
  /** Targets that have been told to have everything: they do, whatever becomes of them. */
  readonly #whole = new Set<NodeId>();
  #due: Micros;
  /** Whether the end of the content has been told. */
  #allSent = false;

  constructor(
    core: Core,
    order: PushOrder,
    push: { readonly targets: Targets; readonly flow: SenderFlow; readonly now: Micros },
  ) {
    this.#core = core;
    this.#order = order;
    this.#targets = push.targets;
    this.#flow = push.flow;
    this.#due = order.progress ? ((push.now + PROGRESS_US) as Micros) : NEVER;
  }

  deadline(): Micros {
    return this.#due;
  }

  /** Tells it when its time has come, or, once, when everything has been sent. */
  onTime(phase: SenderPhase, now: Micros): void {
    if (now >= this.#due || (this.#flow.allSent && !this.#allSent)) this.tell(phase, now);
  }

  /** Tells it now. */
  tell(phase: SenderPhase, now: Micros): void {
    if (!this.#order.progress) return;
    this.#due = (now + PROGRESS_US) as Micros;
    this.#allSent = this.#flow.allSent;
    const { sentBytes, contentBytes } = this.#flow;
    const hosts = this.#targets.all().map((target) => this.#hostOf(target, { contentBytes, now }));
    const { request } = this.#order;
    this.#core.out.event({ kind: "progress", request, phase, sentBytes, contentBytes, hosts });
  }

  #hostOf(target: Target, view: { readonly contentBytes: number; readonly now: Micros }): HostProgress {
    const { node, name: host, phase, outcome, next } = target;
    if (phase === "prepared" || outcome?.kind === "complete") this.#whole.add(node);
    const doneBytes = this.#whole.has(node) ? view.contentBytes : this.#flow.doneBytes(next);
    const takesPart = phase === "live" || phase === "prepared";
    const silent = takesPart && view.now - target.heard >= SILENT_US;
    return { host, state: silent ? "silent" : phase, doneBytes };
  }
}
