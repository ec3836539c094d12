import type { Connect } from "./console-socket.ts";
import {
  type Conversation,
  type ConversationListener,
  type ConversationOptions,
  openConversation,
  targetText,
} from "./conversation.ts";
import type { MsyncAction, MsyncOptions, MsyncPush } from "./msync-options.ts";
import { PushRun } from "./msync-push.ts";
import type { MsyncWorld } from "./msync-world.ts";
import { USAGE_STATUS } from "./parsed.ts";
import { UnusableFile } from "./unusable-file.ts";

/** What takes no work must be over within the time; of the others, only the greeting. A shell that completes a name waits less. */
const PATIENCE: Readonly<
  Record<MsyncAction["kind"], Pick<ConversationOptions, "patienceMs" | "patienceFor">>
> = {
  push: { patienceMs: 10_000, patienceFor: "prompt" },
  script: { patienceMs: 10_000, patienceFor: "prompt" },
  members: { patienceMs: 10_000, patienceFor: "everything" },
  status: { patienceMs: 10_000, patienceFor: "everything" },
  hosts: { patienceMs: 1_000, patienceFor: "everything" },
};

const SIGNAL_STATUS: Readonly<Record<string, number>> = { SIGINT: 130, SIGTERM: 143 };

/**
 * Does what the options ask, through the daemon's console. Resolves to the exit status: 0 if every target has every file, 1 if anything
 * failed or no daemon could be asked, 2 if a named file cannot be used, 128 and the signal's number if it was stopped. Never rejects.
 */
export async function runMsync(options: MsyncOptions, world: MsyncWorld, connect: Connect): Promise<number> {
  const quiet = options.action.kind === "hosts";
  let password: string | undefined;
  let begin: Begin;
  try {
    password = await passwordOf(options);
    begin = await prepare(options, world);
  } catch (error) {
    if (!(error instanceof UnusableFile)) throw error;
    if (quiet) return 0;
    world.print(2, [`msync: ${error.message}`]);
    return USAGE_STATUS;
  }
  const { promise, resolve } = Promise.withResolvers<number>();
  const { target } = options;
  const conversation = openConversation(
    { target, password, connect, ...PATIENCE[options.action.kind] },
    (opened) => begin(opened, resolve),
  );
  const stop = () => {
    const name = String(world.stop.reason);
    // Before the listener is told, which would end it with a status of its own.
    resolve(SIGNAL_STATUS[name] ?? 1);
    conversation.end(`stopped by ${name}`);
  };
  world.stop.addEventListener("abort", stop);
  // It may have come while files were read.
  if (world.stop.aborted) stop();
  const status = await promise;
  world.stop.removeEventListener("abort", stop);
  conversation.close();
  return status;
}

/** Starts what is to be done on a connection; `done` gets the exit status. */
type Begin = (conversation: Conversation, done: (status: number) => void) => ConversationListener;

/** Reads all files that the options name, so that nothing begins if one cannot be used. Throws `UnusableFile`. */
async function prepare({ action, level, target }: MsyncOptions, world: MsyncWorld): Promise<Begin> {
  const where = targetText(target);
  switch (action.kind) {
    case "push": {
      const push = { ...action, excludes: await excludesOf(action) };
      return (conversation, done) =>
        new PushRun(conversation, { push, level, where }, { world, done }).listener;
    }
    case "script": {
      const { scriptLines } = await import("./msync-files.ts");
      const { TextRun } = await import("./msync-text.ts");
      const commands = withLevel(level, scriptLines(action.file));
      return (conversation, done) => new TextRun(conversation, commands, { world, done });
    }
    case "members":
    case "status":
      if (action.json) {
        const { askJson } = await import("./msync-query.ts");
        return (conversation, done) =>
          askJson(conversation, { where, about: action.kind }, ({ status, lines, error }) => {
            world.print(1, lines);
            if (error !== undefined) world.print(2, [`error: ${error}`]);
            done(status);
          });
      }
      return askText(action.kind, world);
    case "hosts": {
      const { askHosts } = await import("./msync-query.ts");
      return (conversation, done) =>
        askHosts(conversation, where, (names) => {
          world.print(1, names);
          done(0);
        });
    }
  }
}

async function askText(command: string, world: MsyncWorld): Promise<Begin> {
  const { TextRun } = await import("./msync-text.ts");
  return (conversation, done) => new TextRun(conversation, [command], { world, done });
}

async function passwordOf({ passwordFile }: MsyncOptions): Promise<string | undefined> {
  if (passwordFile === undefined) return undefined;
  const { readPassword } = await import("./msync-files.ts");
  return readPassword(passwordFile);
}

async function excludesOf({ excludes, excludeFiles }: MsyncPush): Promise<readonly string[]> {
  if (excludeFiles.length === 0) return excludes;
  const { readLines } = await import("./msync-files.ts");
  return [...excludes, ...excludeFiles.flatMap(readLines)];
}

async function* withLevel(
  level: number,
  lines: AsyncIterable<string> | Iterable<string>,
): AsyncGenerator<string> {
  if (level > 0) yield `loglevel ${level}`;
  yield* lines;
}
