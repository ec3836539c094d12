import { FailStep, RefuseReason } from "../wire/constants.ts";
import type { PushKey, StageReply, StageRequest } from "../wire/disk-port.ts";
import { Budget, type Limits, type Pool, USUAL_LIMITS } from "./budget.ts";
import { Directories } from "./directories.ts";
import { errorText } from "./errno.ts";
import { Marks, Roots } from "./marks.ts";
import { placeOf } from "./obstacles.ts";
import { keyText } from "./push-key.ts";
import { Rules } from "./rules.ts";
import { Sections } from "./sections.ts";
import { protocolFailure, type StageTools } from "./stage-push.ts";
import { StageSession } from "./stage-session.ts";
import { removeLeftovers, Staging } from "./staging.ts";
import { Errno, errnoOf, type Fd, failed, type Latin1 } from "./sys.ts";

export type StageDeps = StageTools & {
  /** Path of the base directory. It is opened anew for each push. */
  readonly base: Latin1;
  readonly emit: (reply: StageReply) => void;
  /** Memory that pushes may keep; undefined: the usual. */
  readonly limits?: Limits | undefined;
};

type Request<Kind extends StageRequest["kind"]> = Extract<StageRequest, { kind: Kind }>;
type Refusal = { readonly reason: RefuseReason; readonly text: string };

/**
 * A receiver's disk side (wire/disk-port.ts): compares, stages beside the tree, and switches at the commit. Until then the tree is not changed, and
 * after a failure or an abort what was staged is removed; what cannot be is in the log. Several pushes at once; each request is done when
 * `handle` returns, which never throws.
 */
export function createStage(deps: StageDeps): {
  handle(request: StageRequest): void;
  /** Removes what an earlier process left in the base; 0 or -errno. Before the first request. */
  cleanAtStart(): number;
} {
  const { sys, emit } = deps;
  const sessions = new Map<string, StageSession>();
  const pool: Pool = { kept: 0 };

  function open({ key, dryRun, check, capacity }: Request<"open">): void {
    const name = keyText(key);
    const base = sessions.has(name)
      ? refusal(RefuseReason.busy, "this push is already being received")
      : openBase(deps, { check });
    if (typeof base !== "number") {
      emit({ kind: "refused", key, ...base });
      return;
    }
    const sections = new Sections(deps);
    const session = new StageSession(deps, {
      key,
      dryRun: dryRun || check,
      check,
      rules: new Rules(deps),
      capacity,
      base,
      place: placeOf(sys, base),
      directories: new Directories(sys, base),
      sections,
      marks: new Marks(sections),
      roots: new Roots(),
      staging: new Staging(deps, base, name),
      amended: new Map(),
      exchanged: new Set(),
      unread: [],
      budget: new Budget(pool, deps.limits ?? USUAL_LIMITS),
    });
    sessions.set(name, session);
    emit({ kind: "opened", key });
  }

  function use(request: Request<"block">): void {
    const { key, slot, block } = request;
    const session = sessions.get(keyText(key));
    emit(
      session?.block(request) ?? { kind: "used", key, slot, block, good: true, failure: protocolFailure() },
    );
  }

  function prepare({ key }: Request<"prepare">): void {
    const session = sessions.get(keyText(key));
    const failure = session === undefined ? protocolFailure() : session.prepare();
    if (failure === "broken") return;
    emit(failure === undefined ? { kind: "prepared", key } : { kind: "failed", key, failure });
  }

  function commit({ key }: Request<"commit">): void {
    const session = sessions.get(keyText(key));
    const failure = session === undefined ? protocolFailure() : session.commit();
    const reply: StageReply =
      failure === undefined ? { kind: "committed", key } : { kind: "failed", key, failure };
    if (session?.clearsLong !== true) {
      forget(key);
      emit(reply);
      return;
    }
    // All has been switched. Clearing away may take longer than the owner wants to wait.
    emit(reply);
    forgetAnyway(key);
  }

  function forget(key: PushKey): void {
    const session = sessions.get(keyText(key));
    if (session === undefined) return;
    // First of all, so that no error can leave half a session behind.
    sessions.delete(keyText(key));
    session.push.budget.release();
    session.close();
    sys.close(session.push.base);
  }

  /** As `forget`, when the answer has been given. */
  function forgetAnyway(key: PushKey): void {
    try {
      forget(key);
    } catch (error) {
      deps.log(`what push ${keyText(key)} staged is left until the next start: ${error}`);
    }
  }

  function serve(request: StageRequest): void {
    switch (request.kind) {
      case "open":
        return open(request);
      case "block":
        return use(request);
      case "prepare":
        return prepare(request);
      case "commit":
        return commit(request);
      case "abort":
        forget(request.key);
        return emit({ kind: "closed", key: request.key });
    }
  }

  /** A mistake of ours that one push has brought to light ends that push, not those of others nor the daemon. */
  function giveUp(request: StageRequest, error: unknown): void {
    const name = keyText(request.key);
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    deps.log(`fault in ${request.kind} of push ${name}, which fails: ${text.replaceAll(/\s*\n\s*/g, "; ")}`);
    forgetAnyway(request.key);
    emit(faultReply(request));
  }

  return {
    handle(request) {
      try {
        serve(request);
      } catch (error) {
        giveUp(request, error);
      }
    },
    cleanAtStart() {
      const base = sys.openBase(deps.base);
      if (failed(base)) return base;
      const result = removeLeftovers(deps, base);
      sys.close(base);
      return result;
    },
  };
}

/** The answer to a request whose handling broke off. Emitting is the last thing that a handler does, so none has been given. */
function faultReply(request: StageRequest): StageReply {
  const { key } = request;
  switch (request.kind) {
    case "open":
      return {
        kind: "refused",
        key,
        reason: RefuseReason.other,
        text: "internal error; see this host's log",
      };
    case "block":
      return {
        kind: "used",
        key,
        slot: request.slot,
        block: request.block,
        good: true,
        failure: { errno: Errno.EIO, step: FailStep.stage, entry: undefined },
      };
    case "prepare":
      return { kind: "failed", key, failure: { errno: Errno.EIO, step: FailStep.stage, entry: undefined } };
    case "commit":
      return { kind: "failed", key, failure: { errno: Errno.EIO, step: FailStep.rename, entry: undefined } };
    case "abort":
      return { kind: "closed", key };
  }
}

function refusal(reason: RefuseReason, text: string): Refusal {
  return { reason, text };
}

/** The base, if a push can be received into it, or, with `check`, compared with it. */
function openBase({ sys, base }: StageDeps, { check }: { check: boolean }): Fd | Refusal {
  const fd = sys.openBase(base);
  if (failed(fd)) {
    const errno = errnoOf(fd);
    const missing = errno === Errno.ENOENT || errno === Errno.ENOTDIR;
    const reason = missing
      ? RefuseReason.baseMissing
      : errno === Errno.EACCES
        ? RefuseReason.permission
        : RefuseReason.other;
    return refusal(reason, `the base directory cannot be opened: ${errorText(errno)}`);
  }
  if (check) return fd;
  const space = sys.space(fd);
  const denied = errnoOf(sys.mayWrite(fd));
  let refused: Refusal | undefined;
  if (!failed(space) && space.readOnly)
    refused = refusal(RefuseReason.permission, "the file system is mounted read-only");
  else if (denied !== 0)
    refused = refusal(
      RefuseReason.permission,
      `the base directory cannot be written to: ${errorText(denied)}`,
    );
  else if (!failed(space) && (space.bytes === 0 || space.inodes === 0))
    refused = refusal(RefuseReason.outOfSpace, "the file system is full");
  if (refused === undefined) return fd;
  sys.close(fd);
  return refused;
}
