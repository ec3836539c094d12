import { isUtf8 } from "node:buffer";

/** Why a console's line cannot be a command, for people; undefined: it can. The line is bytes, one character each. */
export function lineFault(line: string): string | undefined {
  if (line.includes("\0")) return "the line has a NUL byte";
  return isUtf8(Buffer.from(line, "latin1")) ? undefined : "the line is not UTF-8";
}

/** Why a push cannot begin that is not wrong in itself, for people. */
export const NO_ROOM_TEXT = "the commands that are running are too long already, try again later";

/** Why a line that was too long has been skipped, for people. */
export function overlongText(bytesMax: number): string {
  return `the line has more than ${bytesMax} bytes`;
}
