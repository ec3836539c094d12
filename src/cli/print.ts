const retryMs = 5;

/**
 * Writes all of `bytes` (one character each) to a file descriptor and waits for a slow reader. What cannot be written ends the process with
 * status 1: in silence if a reader is gone, as nobody is left to tell, else with a line on stderr.
 */
export function print(fd: 1 | 2, bytes: string): void {
  // Not imported above: a push that went well prints nothing, and is over before node:fs is loaded.
  const { writeSync } = process.getBuiltinModule("node:fs");
  let rest: Uint8Array = Buffer.from(bytes, "latin1");
  while (rest.length > 0) {
    try {
      rest = rest.subarray(writeSync(fd, rest));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      if (code !== "EAGAIN") {
        if (fd === 1 && code !== "EPIPE") print(2, `error: cannot write the output: ${message}\n`);
        process.exit(1);
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, retryMs);
    }
  }
}
