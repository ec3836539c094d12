import { afterEach } from "bun:test";

/** What a test of this file opens is closed after it. */
export function closing() {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });
  return {
    later: (close: () => void) => void closers.push(close),
    opened<T extends { close(): void }>(what: T): T {
      closers.push(() => what.close());
      return what;
    },
  };
}
