/** Why the daemon cannot start: one line for people. Nothing has been started then. */
export class StartFailure extends Error {
  override readonly name = "StartFailure";
}

/** Exit status for a start that failed for what was asked or for what the host cannot do. */
export const START_FAILURE_STATUS = 2;
/** Exit status after a fault of the program itself (EX_SOFTWARE); a service manager starts it again. */
export const FAULT_STATUS = 70;
