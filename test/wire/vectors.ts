import { readFileSync } from "node:fs";
import type { Drop } from "../../src/wire/messages.ts";
import type { Decoded } from "./second.ts";
import type { ContentKind } from "./second-contents.ts";
import type { Plain } from "./second-notation.ts";

/**
 * The golden vectors: composed field by field from PROTOCOL.md, without any of the code that is tested with them. Packets are whole, checksum
 * included, digits in groups: magic to flags, checksum, node, group, push, block, symbol to sequence, body.
 */
export type Vectors = {
  /** ADDRESS:PORT of the group of all packets. */
  readonly group: string;
  readonly checksums: readonly { readonly bytes: string; readonly crc32c: string }[];
  readonly tags: readonly { readonly group: string; readonly tag: string }[];
  readonly accepted: readonly (Named & { readonly packet: string; readonly expect: Decoded })[];
  readonly dropped: readonly (Named & { readonly packet: string; readonly drop: Drop })[];
  /** Expanded contents of blocks; without `expect` they break a rule. */
  readonly contents: readonly (Named & {
    readonly kind: ContentKind;
    readonly bytes: string;
    readonly expect?: Plain;
  })[];
};
type Named = { readonly name: string; readonly section: string };

export const vectors: Vectors = JSON.parse(readFileSync(new URL("vectors.json", import.meta.url), "utf8"));
