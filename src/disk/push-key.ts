import type { PushKey } from "../wire/disk-port.ts";

/** The last one that was asked for: block after block is of the same push. */
let last: { readonly key: PushKey; readonly text: string } | undefined;

/** A push's name as text: a key for maps, and its directory's name while it is staged. */
export function keyText(key: PushKey): string {
  const { owner, push } = key;
  if (last !== undefined && last.key.push === push && last.key.owner === owner) return last.text;
  const text = `${owner.toString(16).padStart(16, "0")}-${push.toString(16).padStart(8, "0")}`;
  last = { key, text };
  return text;
}
