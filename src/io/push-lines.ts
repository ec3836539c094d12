import { errorText } from "../disk/errno.ts";
import { problemText, type SourceLine } from "../disk/lines.ts";
import { Errno } from "../disk/sys.ts";
import { FailStep } from "../wire/constants.ts";

/**
 * What a push has to say by file name, in the words for people. Paths are bytes, one character each, as they are: whoever shows them
 * escapes them. Texts are plain.
 */
export type PushLine =
  /** The entries of one section that change (or would change) at `host`, and those that do not. */
  | {
      readonly kind: "names";
      readonly host: string;
      readonly updated: readonly string[];
      readonly skipped: readonly string[];
    }
  /** Why `host` could not take the push. The path is of an entry, or of the host's own tree; none: no name is to blame. */
  | {
      readonly kind: "failure";
      readonly host: string;
      readonly path: string | undefined;
      readonly text: string;
    }
  /** Something of this host's own tree that is not sent, or not as it should be. `text` starts with `error:` or `skip:` and is followed by the path. */
  | { readonly kind: "problem"; readonly path: string; readonly text: string };

/** Puts a line of the source into words. Also what makes it cheap to pass between threads: strings instead of many small arrays. */
export function toPushLine(line: SourceLine): PushLine {
  switch (line.kind) {
    case "names":
      return {
        kind: "names",
        host: line.host,
        updated: line.updated.map(latin1),
        skipped: line.skipped.map(latin1),
      };
    case "failure": {
      const path = line.path === undefined ? undefined : latin1(line.path);
      return { kind: "failure", host: line.host, path, text: failureText(line.step, line.errno) };
    }
    case "problem":
      return { kind: "problem", path: latin1(line.path), text: problemText(line.problem, line.errno) };
  }
}

/** Bytes of the names in some lines, where these are many. */
export function namesBytes(lines: readonly PushLine[]): number {
  let bytes = 0;
  for (const line of lines) {
    if (line.kind !== "names") continue;
    for (const path of line.updated) bytes += path.length;
    for (const path of line.skipped) bytes += path.length;
  }
  return bytes;
}

const STEP_TEXTS: Readonly<Record<FailStep, string>> = {
  [FailStep.compare]: "cannot compare",
  [FailStep.stage]: "cannot stage",
  [FailStep.write]: "cannot write",
  [FailStep.metadata]: "cannot set owner, mode or time",
  [FailStep.flush]: "cannot flush",
  [FailStep.rename]: "cannot rename",
  [FailStep.manifest]: "cannot use the manifest",
  [FailStep.digest]: "wrong content",
  [FailStep.remove]: "cannot remove",
};

/** A receiver's failure (PROTOCOL §9) in words: the step, then what the system said, if it did. */
export function failureText(step: FailStep, errno: number): string {
  if (step === FailStep.remove && errno === 0) return "too many names to remove";
  if (errno === 0) return STEP_TEXTS[step];
  const hint = errno === Errno.EXDEV ? " (another file system is mounted there)" : "";
  return `${STEP_TEXTS[step]}: ${errorText(errno)}${hint}`;
}

function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("latin1");
}
