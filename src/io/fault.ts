import { logFatal } from "./log.ts";
import { FAULT_STATUS } from "./start-failure.ts";

/** Our own mistake, in any thread: no state can be trusted any more. */
export function fault(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  logFatal(`fault: ${text}`);
  process.exit(FAULT_STATUS);
}
