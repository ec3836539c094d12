import { closeSync, constants, fchownSync, fstatSync, openSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { errorText } from "../disk/errno.ts";
import { openSyslog, writeSyslog } from "./daemon-shim.ts";
import { systemErrorText } from "./errno-text.ts";
import { StartFailure } from "./start-failure.ts";

/** A line for the log, if its level is within the daemon's: 0 is always shown, 9 is for those who look for faults. */
export type Log = (level: number, text: string) => void;

export type LogSettings = {
  /** 0..9. */
  readonly level: number;
  /** Path as bytes, one character each; undefined: no file. */
  readonly file: string | undefined;
  /** To whom a file that has to be made belongs; undefined: to this process. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
  /** Whether stderr is only for what stops the start, if there is another place for lines. */
  readonly quiet: boolean;
};

export const LOG_LEVEL_MAX = 9;

/** Priorities of syslog(3): of what ends the process, of level 0, of levels up to the next one, and of all others. */
const Priority = { fatal: 2, always: 5, some: 6, debug: 7 } as const;
const debugLevel = 3;

const APPEND =
  constants.O_WRONLY | constants.O_APPEND | constants.O_NONBLOCK | constants.O_NOCTTY | constants.O_NOFOLLOW;
const NEW_FILE_MODE = 0o640;

/** Where this process's lines go: stderr until something else is opened. One for all, as a fault is told from anywhere. */
const places = {
  stderr: true,
  stderrIfFatal: true,
  syslog: false,
  file: undefined as { readonly fd: number; readonly path: string } | undefined,
};

/** The daemon's log, on stderr, in syslog, and in a file if there is one. Each line is one line, whatever the text holds. */
export class Logger {
  readonly #level = new Int32Array(new SharedArrayBuffer(4));
  /** Names in the file system mean something else now. */
  #confined = false;

  /** Opens the log. Throws StartFailure if the file cannot be opened; without a system's log, there is none. */
  constructor(settings: LogSettings) {
    this.#level[0] = settings.level;
    places.syslog = openSyslog() === undefined;
    if (settings.file !== undefined) {
      const path = resolve(Buffer.from(settings.file, "latin1").toString());
      try {
        places.file = { path, fd: openFile(path, settings.owner) };
      } catch (error) {
        throw new StartFailure(`log file ${path}: ${systemErrorText(error)}`);
      }
    }
    if (settings.quiet) places.stderr = !places.syslog && places.file === undefined;
    else if (places.syslog && stderrIsJournal()) places.stderr = false;
  }

  /** The level, as other threads may see it: an i32. They need not tell what nobody reads. */
  get level(): SharedArrayBuffer {
    return this.#level.buffer as SharedArrayBuffer;
  }

  get #now(): number {
    return this.#level[0] ?? 0;
  }

  /** Writes a line. Bound: to be handed on as a function. */
  readonly log: Log = (level, text) => {
    if (level > this.#now) return;
    writeLine(text, level === 0 ? Priority.always : level < debugLevel ? Priority.some : Priority.debug);
  };

  /** Makes the level one higher or lower, within 0..9, and says so. */
  turn(by: 1 | -1): void {
    this.#level[0] = Math.min(LOG_LEVEL_MAX, Math.max(0, this.#now + by));
    this.log(0, `log level ${this.#now}`);
  }

  /** From now on nothing outside the base can be opened. */
  confine(): void {
    this.#confined = true;
  }

  /** Stderr leads nowhere from now on. */
  leaveStderr(): void {
    places.stderr = false;
    places.stderrIfFatal = false;
  }

  /** Opens file and syslog again, as after they have been put aside. What cannot be opened stays as it is. */
  reopen(): void {
    if (this.#confined) {
      this.log(0, "in a chroot the log cannot be opened again: it stays as it is");
      return;
    }
    const failed = openSyslog();
    if (failed === undefined) places.syslog = true;
    else if (places.syslog)
      this.log(0, `the system's log cannot be opened again: ${errorText(failed.errno)}`);
    if (places.file === undefined) return;
    const { fd: old, path } = places.file;
    try {
      places.file = { path, fd: openFile(path, undefined) };
      closeSync(old);
      this.log(1, `log file ${path} opened again`);
    } catch (error) {
      this.log(0, `log file ${path} cannot be opened again, the old one stays: ${systemErrorText(error)}`);
    }
  }
}

/** The same without a level: for what ends the process. Several lines stay several. */
export function logFatal(text: string): void {
  places.stderr = places.stderrIfFatal;
  for (const line of text.split("\n")) writeLine(line, Priority.fatal);
}

function openFile(path: string, owner: LogSettings["owner"]): number {
  try {
    const fd = openSync(path, APPEND | constants.O_CREAT | constants.O_EXCL, NEW_FILE_MODE);
    // Otherwise it could not be opened again once the privileges are gone.
    if (owner !== undefined) fchownSync(fd, owner.uid, owner.gid);
    return fd;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return openSync(path, APPEND);
  }
}

/** Whether stderr is the journal's own (systemd.exec(5)), which then has every line of syslog already. */
function stderrIsJournal(): boolean {
  const { dev, ino } = fstatSync(2);
  return process.env.JOURNAL_STREAM === `${dev}:${ino}`;
}

function writeLine(text: string, priority: number): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
  const safe = text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, (char) =>
    char === "\n" ? "\\n" : `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  if (places.syslog) writeSyslog(priority, safe);
  const line = `${new Date().toISOString()} makuosan[${process.pid}] ${safe}\n`;
  if (places.stderr) writeTo(2, line);
  if (places.file !== undefined) writeTo(places.file.fd, line);
}

function writeTo(fd: number, line: string): void {
  try {
    writeSync(fd, line);
  } catch {
    // Nobody reads it, or there is no room: no reason to stop.
  }
}
