/** Linux error numbers in the C library's words. Those of other hosts come over the network, so that this host's library cannot be asked. */
const TEXTS: Readonly<Record<number, string>> = {
  1: "Operation not permitted",
  2: "No such file or directory",
  5: "Input/output error",
  6: "No such device or address",
  9: "Bad file descriptor",
  12: "Cannot allocate memory",
  13: "Permission denied",
  16: "Device or resource busy",
  17: "File exists",
  18: "Invalid cross-device link",
  19: "No such device",
  20: "Not a directory",
  21: "Is a directory",
  22: "Invalid argument",
  23: "Too many open files in system",
  24: "Too many open files",
  26: "Text file busy",
  27: "File too large",
  28: "No space left on device",
  30: "Read-only file system",
  31: "Too many links",
  36: "File name too long",
  38: "Function not implemented",
  39: "Directory not empty",
  40: "Too many levels of symbolic links",
  71: "Protocol error",
  74: "Bad message",
  75: "Value too large for defined data type",
  84: "Invalid or incomplete multibyte or wide character",
  90: "Message too long",
  95: "Operation not supported",
  99: "Cannot assign requested address",
  100: "Network is down",
  101: "Network is unreachable",
  105: "No buffer space available",
  107: "Transport endpoint is not connected",
  110: "Connection timed out",
  113: "No route to host",
  116: "Stale file handle",
  117: "Structure needs cleaning",
  122: "Disk quota exceeded",
};

/** What an error number says; its number where it is a rare one. */
export function errorText(errno: number): string {
  return TEXTS[errno] ?? `error ${errno}`;
}

/** What says of a name no more than that it is not for this process, is gone, or is something else by now: EPERM, ENOENT, EACCES, ENOTDIR, ENAMETOOLONG, ELOOP. */
const ORDINARY: readonly number[] = [0, 1, 2, 13, 20, 36, 40];

/** Whether an error that reading met tells of a disk, network or system in trouble: then nobody knows what else is missing. */
export function isTrouble(errno: number): boolean {
  return !ORDINARY.includes(errno);
}
