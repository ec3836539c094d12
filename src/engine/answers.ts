import type { PushKey, Task } from "../wire/disk-port.ts";
import type { ReportRecord } from "../wire/messages.ts";
import { RemovalNamesReader } from "../wire/removal-names.ts";
import type { Core } from "./core.ts";
import { Needs } from "./needs.ts";
import type { PushOrder } from "./sender-state.ts";
import type { Target } from "./target.ts";

type NeedRecord = ReportRecord & { readonly kind: "need" };
type RemovalsRecord = ReportRecord & { readonly kind: "removals" };

/** What a target has told of the names that it would remove; undefined in its place: nothing yet. */
export type RemovalsTold = {
  /** In all. */
  readonly count: number;
  readonly reader: RemovalNamesReader;
  complete: boolean;
};

/** Whether the receivers of such a push remove names, and tell which (PROTOCOL §6.2, §10.6). */
export function removesNames({ mode, removes }: Task): boolean {
  return mode === "prune" || (mode === "send" && removes !== "nothing");
}

/** What the targets of a push answer to its manifest: which entries would change there (PROTOCOL §6.3), and which names would go. */
export class Answers {
  readonly #core: Core;
  readonly #key: PushKey;
  readonly #order: PushOrder;
  readonly #needs = new Needs();
  readonly #removes: boolean;

  constructor(core: Core, key: PushKey, order: PushOrder) {
    this.#core = core;
    this.#key = key;
    this.#order = order;
    this.#removes = removesNames(order.task);
  }

  /** Whether the last section of the manifest is known. */
  get manifestRead(): boolean {
    return this.#needs.complete;
  }

  get sections(): number {
    return this.#needs.sections;
  }

  /** The union of the content needs of one section; undefined: none. */
  union(section: number): Uint8Array | undefined {
    return this.#needs.union(section);
  }

  /** The source has read the next section, of so many entries. Its names go to the console for the hosts that never receive. */
  onSection(entries: number, lastOfKind: boolean): void {
    const section = this.sections;
    this.#needs.addSection(entries);
    this.#needs.complete = lastOfKind;
    if (entries === 0) return;
    for (const host of this.#order.readOnly) this.#names(section, host, undefined);
  }

  /** Takes in a target's next answer. False: it does not fit. */
  onNeed(target: Target, need: NeedRecord): boolean {
    const updates = this.#needs.onNeed(need, target.answered);
    if (updates === undefined || target.removals !== undefined) return false;
    target.answered++;
    target.updates += updates;
    this.#names(need.section, target.name, need.update);
    this.tell(target);
    return true;
  }

  /** Takes in the next part of what a target would remove, which comes after all its needs. False: it does not fit. */
  onRemovals(target: Target, { count, last, names }: RemovalsRecord): boolean {
    if (!this.#removes || !this.#hasAllNeeds(target)) return false;
    target.removals ??= { count, reader: new RemovalNamesReader(), complete: false };
    const told = target.removals;
    const paths = told.reader.add(names);
    if (told.complete || told.count !== count || typeof paths === "string") return false;
    const expected = this.#order.names ? count : 0;
    if (told.reader.count > expected) return false;
    const { request } = this.#order;
    const { name: host } = target;
    if (paths.length > 0 && !this.#isRefused(count))
      this.#core.out.event({ kind: "removals", request, host, paths });
    if (!last) return true;
    if (told.reader.count !== expected || !told.reader.complete) return false;
    told.complete = true;
    this.tell(target);
    return true;
  }

  /** Whether a target has answered all there is to answer. One that would remove too many names has yet to refuse, which may come in a packet of its own. */
  isComplete(target: Target): boolean {
    const { removesMax } = this.#order.task;
    const refuses = removesMax !== undefined && (target.removals?.count ?? 0) > removesMax;
    return this.#hasAnswered(target) && !refuses;
  }

  #hasAnswered(target: Target): boolean {
    return this.#hasAllNeeds(target) && (!this.#removes || target.removals?.complete === true);
  }

  /** Tells what a target needs, once, when it has answered all. */
  tell(target: Target): void {
    if (target.needTold || !this.#hasAnswered(target)) return;
    target.needTold = true;
    const { name: host, updates } = target;
    const removals = target.removals?.count ?? 0;
    this.#core.out.event({ kind: "need", request: this.#order.request, host, updates, removals });
  }

  /** Whether so many removals do not take place, as the target has to refuse them. A dry run names them all the same. */
  #isRefused(count: number): boolean {
    const { dryRun, task } = this.#order;
    return !dryRun && task.removesMax !== undefined && count > task.removesMax;
  }

  #hasAllNeeds(target: Target): boolean {
    return this.manifestRead && target.answered === this.sections;
  }

  /** Has the source tell the console which entries change at a host. Where names are only removed, entries are not compared. */
  #names(section: number, host: string, update: Uint8Array | undefined): void {
    if (!this.#order.names || this.#order.task.mode === "prune") return;
    this.#core.out.source({ kind: "names", key: this.#key, section, host, update });
  }
}
