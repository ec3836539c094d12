/** All that is known of what users and scripts of the C program rely on, and what becomes of it. */
import type { Row } from "./row.ts";
import { COMMAND_ROWS, CONSOLE_ROWS, RESULT_ROWS } from "./rows-console.ts";
import { DAEMON_ROWS, MEMBER_ROWS } from "./rows-daemon.ts";
import { FAULT_ROWS, MSYNC_ROWS, TRANSFER_ROWS } from "./rows-msync.ts";

/** The rows by what they are about. */
export const ROWS: readonly (readonly [about: string, rows: readonly Row[]])[] = [
  ["daemon", DAEMON_ROWS],
  ["members", MEMBER_ROWS],
  ["transfer", TRANSFER_ROWS],
  ["console", CONSOLE_ROWS],
  ["command", COMMAND_ROWS],
  ["result", RESULT_ROWS],
  ["msync", MSYNC_ROWS],
  ["fault", FAULT_ROWS],
];
