import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { systemErrorText } from "./errno-text.ts";
import { StartFailure } from "./start-failure.ts";

/** Paths are bytes, one character each. */

const LF = 10;
const CR = 13;
/** More than anybody types, or needs for a key. */
const secretBytesMax = 4096;
const OTHERS = 0o077;

/** A path that still leads to the same place when the working directory is another one. */
export function absolutePath(path: string): string {
  return path.startsWith("/") ? path : `${Buffer.from(process.cwd()).toString("latin1")}/${path}`;
}

/** A path for people. */
export function shownPath(path: string): string {
  return Buffer.from(path, "latin1").toString();
}

/**
 * The first line of a file that only its owner may read or write, without its end. Throws StartFailure if it is anything else, or if the
 * line is empty; `what` names it: "password file".
 */
export function readSecret(path: string, what: string): Uint8Array {
  const refuse = (why: string) => new StartFailure(`${what} ${shownPath(path)}: ${why}`);
  let content: Buffer;
  try {
    content = read(path, refuse);
  } catch (error) {
    throw error instanceof StartFailure ? error : refuse(systemErrorText(error));
  }
  const lineEnd = content.indexOf(LF);
  if (lineEnd < 0 && content.length > secretBytesMax)
    throw refuse(`its first line has more than ${secretBytesMax} bytes`);
  const line = lineEnd < 0 ? content : content.subarray(0, lineEnd);
  const secret = new Uint8Array(line.at(-1) === CR ? line.subarray(0, -1) : line);
  if (secret.length === 0) throw refuse("its first line is empty");
  return secret;
}

function read(path: string, refuse: (why: string) => StartFailure): Buffer {
  // A FIFO would keep us waiting.
  const fd = openSync(
    Buffer.from(path, "latin1"),
    constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY,
  );
  try {
    const found = fstatSync(fd);
    if (!found.isFile()) throw refuse("this is no regular file");
    if ((found.mode & OTHERS) !== 0)
      throw refuse(`others than its owner may read or write it; run: chmod 600 ${shownPath(path)}`);
    const buffer = Buffer.alloc(secretBytesMax + 1);
    return buffer.subarray(0, readSync(fd, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(fd);
  }
}
