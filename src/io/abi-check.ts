import { fsLayout } from "./abi-fs.ts";
import { hashLayout } from "./abi-hash.ts";
import { ABI_VERSION, netLayout } from "./abi-net.ts";
import { procLayout } from "./abi-proc.ts";

/** What mk_layout must say, word by word: the order is native/abi.c's. */
export const LAYOUT: readonly (readonly [name: string, value: number])[] = [
  ...netLayout,
  ...hashLayout,
  ...fsLayout,
  ...procLayout,
];

/**
 * Where the shim's idea of the ABI differs from this program's, in words; undefined: nowhere. `count` is the number of layout words that
 * the shim has, of which `words` are the first.
 */
export function abiDifference(version: number, words: Uint32Array, count: number): string | undefined {
  if (version !== ABI_VERSION) return `its ABI is version ${version}, not ${ABI_VERSION}`;
  if (count !== LAYOUT.length) return `it has ${count} layout words, not ${LAYOUT.length}`;
  const at = LAYOUT.findIndex(([, value], index) => words[index] !== value);
  const different = LAYOUT[at];
  return different === undefined
    ? undefined
    : `${different[0]} is ${words[at]} there and ${different[1]} here`;
}
