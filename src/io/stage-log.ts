import { keyText } from "../engine/names.ts";
import type { DiskFailure, StageReply } from "../wire/disk-port.ts";
import { failureText } from "./push-lines.ts";

/**
 * What the log says of a push that this node receives, and from which level on; undefined: nothing. A push is named by its owner's node, which is in
 * the first line of the owner's log, and its number.
 */
export function stageLine(reply: StageReply): { readonly level: number; readonly text: string } | undefined {
  const about = (level: number, what: string) => ({ level, text: `push ${keyText(reply.key)} ${what}` });
  switch (reply.kind) {
    case "opened":
      return about(2, "has begun here");
    case "refused":
      return about(0, `is refused: ${reply.text}`);
    case "used":
      return reply.failure === undefined ? undefined : about(0, failed(reply.failure));
    case "failed":
      return about(0, failed(reply.failure));
    case "committed":
      return about(1, "is in place here");
    case "closed":
      return about(2, "is over here");
    default:
      return undefined;
  }
}

function failed({ step, errno, path }: DiskFailure): string {
  const where = path === undefined ? "" : `: ${Buffer.from(path).toString()}`;
  return `failed here: ${failureText(step, errno)}${where}`;
}
