import { writeSync } from "node:fs";

/** A line for the log, if its level is within the daemon's: 0 is always shown, 9 is for those who look for faults. */
export type Log = (level: number, text: string) => void;

/** Writes log lines to stderr: time, process, text. Each is one line, whatever the text holds. */
export function openLog(level: number): Log {
  return (of, text) => {
    if (of <= level) writeLine(text);
  };
}

/** The same without a level: for what ends the process. Several lines stay several. */
export function logFatal(text: string): void {
  for (const line of text.split("\n")) writeLine(line);
}

function writeLine(text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
  const safe = text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, (char) =>
    char === "\n" ? "\\n" : `\\x${char.charCodeAt(0).toString(16).padStart(2, "0")}`,
  );
  try {
    writeSync(2, `${new Date().toISOString()} makuosan[${process.pid}] ${safe}\n`);
  } catch {
    // Nobody reads the log: no reason to stop.
  }
}
