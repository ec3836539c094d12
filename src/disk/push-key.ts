import type { PushKey } from "../wire/disk-port.ts";

/** A push's name as text: a key for maps, and its directory's name while it is staged. */
export function keyText({ owner, push }: PushKey): string {
  return `${owner.toString(16).padStart(16, "0")}-${push.toString(16).padStart(8, "0")}`;
}
