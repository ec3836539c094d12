import { NAME_BYTES_MAX, PATH_BYTES_MAX } from "../wire/constants.ts";
import { comparePaths, pathFault, SLASH } from "../wire/path.ts";
import type { Latin1 } from "./sys.ts";

/** Paths relative to the base, in the form in which this side works with them (`Latin1`): "" is the base itself. */

/** What receivers keep of pushes lies here, directly below the base, until it is committed. No push may contain this name there. */
export const STAGE_NAME: Latin1 = ".makuosan-stage";

/** Bytes as a string of one character each. */
export function toLatin1(bytes: Uint8Array): Latin1 {
  // A Buffer over the same memory would cost ten times as much: it moves the memory of a small array out of the collector's heap first.
  return Buffer.prototype.toString.call(bytes, "latin1");
}

/** The inverse of `toLatin1`. */
export function toBytes(text: Latin1): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

/** The directory that `path` is in. */
export function parentOf(path: Latin1): Latin1 {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

/** The last component. */
export function nameOf(path: Latin1): Latin1 {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** Whether a manifest can have this path, which a file system has, as far as its length goes: that of the path and of its last component. */
export function mayBeNamed(path: Latin1): boolean {
  // What is no longer than a name may be has no longer name: most paths need not be taken apart.
  if (path.length <= NAME_BYTES_MAX) return true;
  return path.length <= PATH_BYTES_MAX && nameOf(path).length <= NAME_BYTES_MAX;
}

/** The path of `name` in `directory`. */
export function join(directory: Latin1, name: Latin1): Latin1 {
  return directory === "" ? name : `${directory}/${name}`;
}

/**
 * The names of a directory in order, each once: where names come and go while a file system lists them, it may say one twice. In the manifest's
 * order, too, which for names is that of their bytes. Changes what it is given.
 */
export function inOrder(names: Latin1[]): Latin1[] {
  return names.sort().filter((name, i) => name !== names[i - 1]);
}

/** Whether `path` is inside of `directory`, at any depth. */
export function isInside(path: Latin1, directory: Latin1): boolean {
  return directory === "" ? path !== "" : path.startsWith(directory) && path[directory.length] === "/";
}

/** Whether a path is the staging directory or in it. */
export function isReserved(path: Latin1): boolean {
  return path === STAGE_NAME || isInside(path, STAGE_NAME);
}

/** The manifest's order (PROTOCOL §10.1). */
export function inManifestOrder(a: Latin1, b: Latin1): number {
  return comparePaths(toBytes(a), toBytes(b));
}

/** Why a path that a user gave is none of ours; completes the sentence "PATH …". */
export type SelectionFault =
  | "is empty"
  | "contains a NUL byte"
  | "is not relative to the base directory"
  | "leaves the base directory"
  | "is too long"
  | "is where makuosan keeps its own files";

/** A path from a user in the one form it has in a manifest: `./a//b/` is `a/b`, `.` is "" (the base). */
export function normalise(given: Uint8Array): { readonly path: Latin1 } | { readonly fault: SelectionFault } {
  if (given.length === 0) return { fault: "is empty" };
  if (given.includes(0)) return { fault: "contains a NUL byte" };
  if (given[0] === SLASH) return { fault: "is not relative to the base directory" };
  const components = toLatin1(given)
    .split("/")
    .filter((component) => component !== "" && component !== ".");
  if (components.includes("..")) return { fault: "leaves the base directory" };
  const path = components.join("/");
  if (path === "") return { path };
  if (path.length > PATH_BYTES_MAX || pathFault(toBytes(path), 0, path.length) !== undefined)
    return { fault: "is too long" };
  return isReserved(path) ? { fault: "is where makuosan keeps its own files" } : { path };
}

/** A path for a message to people: one line, control characters as `\xNN`; bytes that are no UTF-8 become U+FFFD. */
export function display(path: Latin1): string {
  // C0 and DEL are one byte; C1 is two in UTF-8. Bytes are looked at before decoding, so that nothing is hidden in bad UTF-8.
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
  const escaped = path.replace(/[\x00-\x1f\x7f]|\xc2[\x80-\x9f]/g, (found) =>
    [...found].map((byte) => `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`).join(""),
  );
  return Buffer.from(escaped, "latin1").toString("utf8");
}
