import { errorText } from "../disk/errno.ts";

/** An error of node:fs or of Bun in the system's words: `Permission denied`, not `EACCES: permission denied, stat '/x'`. */
export function systemErrorText(error: unknown): string {
  const { errno, code, message } = error as NodeJS.ErrnoException;
  if (typeof errno === "number" && errno !== 0) return errorText(Math.abs(errno));
  return code ?? message;
}

/** A text of the engine, which knows error numbers only, with the system's words in their place: `cannot write (errno 28)`. */
export function withErrorText(text: string): string {
  return text.replace(/ \(errno (\d+)\)/g, (_, errno: string) =>
    errno === "0" ? "" : `: ${errorText(Number(errno))}`,
  );
}
