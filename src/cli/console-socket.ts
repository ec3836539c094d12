import { bytesToText } from "./display.ts";
import type { Target } from "./msync-options.ts";

/** A connection to a console, without what is said on it. */
export type ConsoleSocket = {
  /** Returns how many bytes the system has taken; `drain` follows if not all. */
  write(bytes: Uint8Array): number;
  /** Closes it at once. */
  terminate(): void;
  setKeepAlive(on: true, afterMs: number): void;
};

/** What happens on a connection: `open` first; after `close` nothing. An error comes before the `close` that follows it, or with it. */
export type ConsoleHandler = {
  open(socket: ConsoleSocket): void;
  data(bytes: Uint8Array): void;
  drain(): void;
  error(error: unknown): void;
  close(error: unknown): void;
};

/** Connects to a console; the handler is told everything later. Rejects, with the system's error, if there is no connection. */
export type Connect = (target: Target, handler: ConsoleHandler) => Promise<unknown>;

export const connectConsole: Connect = (target, handler) => {
  const socket = {
    open: (opened: ConsoleSocket) => handler.open(opened),
    data: (_: unknown, bytes: Uint8Array) => handler.data(bytes),
    drain: () => handler.drain(),
    error: (_: unknown, error: unknown) => handler.error(error),
    close: (_: unknown, error: unknown) => handler.close(error),
    // The promise tells it, too.
    connectError: () => {},
  };
  // Small requests go at once: Bun sets TCP_NODELAY.
  if (target.kind === "unix") return Bun.connect({ unix: bytesToText(target.path), socket });
  return Bun.connect({ hostname: bytesToText(target.host), port: target.port, socket });
};
