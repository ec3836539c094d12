import { FailStep } from "../wire/constants.ts";

const BLOCK_NAMES = ["manifest", "plan", "content", "verdict", "amendment", "compressed"] as const;

/** A block kind's name for counters. */
export function blockName(kind: number): string {
  return BLOCK_NAMES[kind] ?? "unknown";
}

const STEP_NAMES = [
  "compare",
  "stage",
  "write",
  "set metadata",
  "flush",
  "rename",
  "read the manifest",
  "verify",
  "remove",
] as const;

/** A failure in words; who shows it to people puts the system's text for the number in its place. */
export function failText(step: number, errno: number): string {
  if (step === FailStep.remove && errno === 0) return "would remove more names than allowed";
  return `cannot ${STEP_NAMES[step] ?? "go on"} (errno ${errno})`;
}

/** Text as PROTOCOL §6.2 allows it: no control characters, and few enough characters to fit in any encoding. */
export function wireText(text: string): string {
  return [...text.slice(0, 120)].map((char) => (char < " " || char === "\x7f" ? " " : char)).join("");
}

/** The last push that was asked for: packet after packet, and block after block, is of the same one. */
let last: { readonly owner: bigint; readonly push: number; readonly text: string } | undefined;

/** A push as text, for maps. */
export function keyText({ owner, push }: { readonly owner: bigint; readonly push: number }): string {
  if (last !== undefined && last.push === push && last.owner === owner) return last.text;
  const text = `${owner.toString(16)}/${push}`;
  last = { owner, push, text };
  return text;
}

/** An IPv4 address in dotted decimal. */
export function ipText(ip: number): string {
  return `${ip >>> 24}.${(ip >>> 16) & 255}.${(ip >>> 8) & 255}.${ip & 255}`;
}
