import { toLatin1 } from "./names.ts";
import type { Latin1 } from "./sys.ts";

/** Names of a directory in flat memory, in the manifest's order, which for names is that of their bytes. */
export type NameList = {
  /** One after the other, each with a NUL behind it. */
  readonly bytes: Uint8Array;
  /** Where they start; behind the last, where the next would. */
  readonly at: Uint32Array;
};

/** How many they are. */
export function namesIn({ at }: NameList): number {
  return at.length - 1;
}

/** The name at an index; undefined behind the last. */
export function nameIn({ bytes, at }: NameList, index: number): Latin1 | undefined {
  const next = at[index + 1];
  return next === undefined ? undefined : toLatin1(bytes.subarray(at[index], next - 1));
}

/** The list of names that are in order. */
export function nameListOf(names: readonly Latin1[]): NameList {
  const at = new Uint32Array(names.length + 1);
  names.forEach((name, index) => {
    at[index + 1] = (at[index] ?? 0) + name.length + 1;
  });
  const bytes = Buffer.alloc(at[names.length] ?? 0);
  names.forEach((name, index) => {
    bytes.write(name, at[index] ?? 0, "latin1");
  });
  return { bytes, at };
}
