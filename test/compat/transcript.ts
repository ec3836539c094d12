/**
 * Recorded conversations with consoles. A transcript is text, one step a line:
 *
 *     # for people
 *     daemon host4 -r          arguments of a host's daemon; those that are not named have none. What comes before comes before they start
 *     connect NAME HOST TO     opens a console: to a port, or a path as the host sees it; what follows is said there
 *     use NAME                 back to an open one
 *     C "send -r\n"            bytes that the client sends, in one write
 *     S "> "                   bytes that come back before anything else is sent; `S end`: the console closes
 *     C end                    the client closes
 *     signal host3 STOP        a signal for a daemon
 *     $ host2 ls -A            a shell's line in the host's base; what it prints follows, a line each, behind `| `
 *
 * Bytes are printable ASCII, or `\n \r \t \e \" \\ \xHH`. A word in braces stands for a value that differs from run to run (`values.ts`).
 */

export type Step =
  | { readonly kind: "comment"; readonly text: string }
  | { readonly kind: "daemon"; readonly host: string; readonly args: readonly string[] }
  | { readonly kind: "connect"; readonly name: string; readonly host: string; readonly to: string }
  | { readonly kind: "use"; readonly name: string }
  | { readonly kind: "client"; readonly bytes: string | "end" }
  | { readonly kind: "server"; readonly said: readonly string[]; readonly ends: boolean }
  | { readonly kind: "signal"; readonly host: string; readonly signal: string }
  | {
      readonly kind: "shell";
      readonly host: string;
      readonly line: string;
      readonly printed: readonly string[];
    };

/** What the text protocol puts on the wire without a line end: the turn of the client. */
const TURNS = ["> ", "password: \x1bE"] as const;

/** Reads a transcript. Throws with the line's number where it is none. */
export function parseTranscript(text: string): Step[] {
  const steps: Step[] = [];
  if (text === "") return steps;
  for (const [at, line] of text.replace(/\n$/, "").split("\n").entries()) {
    const fail = () => new Error(`line ${at + 1} is no step: ${line}`);
    const last = steps.at(-1);
    if (line.startsWith("| ") && last?.kind === "shell")
      steps[steps.length - 1] = { ...last, printed: [...last.printed, line.slice(2)] };
    else if (line.startsWith("S ")) {
      const before = last?.kind === "server" ? last : undefined;
      if (before?.ends === true) throw fail();
      if (before !== undefined) steps.pop();
      const said = before?.said ?? [];
      steps.push(
        line === "S end"
          ? { kind: "server", said, ends: true }
          : { kind: "server", said: [...said, unquote(line.slice(2), fail)], ends: false },
      );
    } else steps.push(parseStep(line, fail));
  }
  return steps;
}

function parseStep(line: string, fail: () => Error): Step {
  if (line === "" || line.startsWith("#")) return { kind: "comment", text: line };
  if (line === "C end") return { kind: "client", bytes: "end" };
  if (line.startsWith("C ")) return { kind: "client", bytes: unquote(line.slice(2), fail) };
  const [word, first = "", ...rest] = line.split(" ");
  if (first === "") throw fail();
  switch (word) {
    case "daemon":
      return { kind: "daemon", host: first, args: rest };
    case "connect":
      return { kind: "connect", name: first, host: rest[0] ?? "host1", to: rest[1] ?? "5000" };
    case "use":
      return { kind: "use", name: first };
    case "signal":
      return { kind: "signal", host: first, signal: rest[0] ?? "" };
    case "$":
      return { kind: "shell", host: first, line: rest.join(" "), printed: [] };
    default:
      throw fail();
  }
}

/** The inverse of `parseTranscript`. */
export function printTranscript(steps: readonly Step[]): string {
  return steps
    .flatMap(stepLines)
    .map((line) => `${line}\n`)
    .join("");
}

function stepLines(step: Step): string[] {
  switch (step.kind) {
    case "comment":
      return [step.text];
    case "daemon":
      return [["daemon", step.host, ...step.args].join(" ")];
    case "connect":
      return [`connect ${step.name} ${step.host} ${step.to}`];
    case "use":
      return [`use ${step.name}`];
    case "client":
      return [step.bytes === "end" ? "C end" : `C ${quote(step.bytes)}`];
    case "server":
      return [...step.said.map((said) => `S ${quote(said)}`), ...(step.ends ? ["S end"] : [])];
    case "signal":
      return [`signal ${step.host} ${step.signal}`];
    case "shell":
      return [`$ ${step.host} ${step.line}`, ...step.printed.map((printed) => `| ${printed}`)];
  }
}

/** Splits what a console said into lines with their ends and turns of the client; the last piece may be neither. */
export function splitSaid(bytes: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const turn = TURNS.find((text) => bytes.startsWith(text, at));
    const end = bytes.indexOf("\n", at);
    const piece = turn ?? bytes.slice(at, end < 0 ? bytes.length : end + 1);
    pieces.push(piece);
    at += piece.length;
  }
  return pieces;
}

/** Whether a piece of `splitSaid` gives the client its turn. */
export function isTurn(piece: string): boolean {
  return TURNS.some((turn) => turn === piece);
}

const NAMED: Readonly<Record<string, string>> = {
  "\n": "\\n",
  "\r": "\\r",
  "\t": "\\t",
  "\x1b": "\\e",
  '"': '\\"',
  "\\": "\\\\",
};

function quote(bytes: string): string {
  const shown = bytes.replace(/[^ !#-[\]-~]/g, (byte) => {
    return NAMED[byte] ?? `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`;
  });
  return `"${shown}"`;
}

function unquote(text: string, fail: () => Error): string {
  if (!/^"(?:[ !#-[\]-~]|\\(?:[nrte"\\]|x[0-9a-f]{2}))*"$/.test(text)) throw fail();
  return text.slice(1, -1).replace(/\\(?:x(..)|(.))/g, (found, hex: string | undefined) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16));
    return Object.keys(NAMED).find((byte) => NAMED[byte] === found) ?? found;
  });
}
