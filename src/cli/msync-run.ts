import { connect, type Socket } from "node:net";
import { ConsoleReader } from "./console-reader.ts";
import { bytesToText, displayText } from "./display.ts";
import type { MsyncOptions, Target } from "./msync-options.ts";
import { consoleCommands, judgeLine } from "./msync-script.ts";

/** Where msync's words go: whole lines as bytes, one character each. */
export type MsyncOutput = { stdout(line: string): void; stderr(line: string): void };

/** Whoever accepts the connection but does not greet within this time is no daemon. */
const greetingMs = 10_000;

/**
 * Does what the options ask, through the daemon's console. Resolves to the exit status: 0 if every target has every file, 1 if anything
 * failed or no daemon could be asked. Never rejects.
 */
export function runMsync(options: MsyncOptions, output: MsyncOutput): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>();
  const where = targetText(options.target);
  const commands = consoleCommands(options);
  const socket = openTarget(options.target);
  let failed = false;
  let greeted = false;
  let over = false;
  const finish = (status: number) => {
    if (over) return;
    over = true;
    clearTimeout(timer);
    socket.destroy();
    resolve(status);
  };
  const fail = (text: string) => {
    if (!over) output.stderr(`error: ${displayText(text)}`);
    finish(1);
  };
  const timer = setTimeout(() => fail(`no answer from ${where}: is a makuosan listening there?`), greetingMs);
  const reader = new ConsoleReader({
    line: (line) => {
      const { to, failure } = judgeLine(line);
      failed ||= failure;
      output[to](line);
    },
    prompt: () => {
      greeted = true;
      clearTimeout(timer);
      const command = commands.shift();
      if (command === undefined) finish(failed ? 1 : 0);
      else socket.write(`${command}\n`, "latin1");
    },
  });
  socket.setKeepAlive(true, 10_000);
  socket.on("data", (chunk: Buffer) => {
    if (!over) reader.receive(chunk.toString("latin1"));
  });
  socket.on("error", (error: NodeJS.ErrnoException) => {
    if (greeted) fail(`lost ${where}: ${error.code ?? error.message}`);
    else fail(`no makuosan at ${where} (${error.code ?? error.message}); see README, Troubleshooting`);
  });
  socket.on("close", () =>
    fail(greeted ? `${where} closed the connection` : `${where} is no console of a makuosan`),
  );
  return promise;
}

function openTarget(target: Target): Socket {
  if (target.kind === "unix") return connect({ path: bytesToText(target.path) });
  return connect({ host: bytesToText(target.host), port: target.port });
}

function targetText(target: Target): string {
  return target.kind === "unix"
    ? `unix:${bytesToText(target.path)}`
    : `tcp:${bytesToText(target.host)}:${target.port}`;
}
