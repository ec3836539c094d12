/** Terms in the second decoder: PROTOCOL §10.6. */
import {
  Digits,
  type Fields,
  must,
  mustBeZero,
  num,
  type Plain,
  readLayout,
  str,
} from "./second-notation.ts";
import { before, isInside, partsOf } from "./second-paths.ts";

/** As on the page, up to the lists, whose parts are in parentheses there. */
export const TERMS =
  "u8 flags, u8 0, u16 excludeCount, u16 missingCount, u16 baseLength, u32 removesMax, base, excludeCount ×, missingCount ×";

/** No bytes. */
export const SILENCE: Fields = {
  mode: "send",
  ...{ removes: false, baseListed: false, namesWanted: false, unflushed: false, removesMax: null },
  ...{ missing: [], base: "", excludes: [] },
};

/** What the digits, all of which are terms, ask for. */
export function termsOf(all: string): Fields {
  if (all === "") return SILENCE;
  must(all.length <= 32_768 * 2);
  const digits = new Digits(all);
  const fields = readLayout(TERMS, digits, (item, so) => {
    if (item === "base") return { base: digits.take(num(so, "baseLength")) };
    const what = item.replace(" ×", "");
    return { [what]: Array.from({ length: num(so, what) }, () => digits.take(digits.uint(2))) };
  });
  must(digits.rest === "");
  mustBeZero(fields);
  const flags = num(fields, "flags");
  const mode = ["send", "check", "prune"][flags % 4] ?? "";
  const [removes, baseListed, namesWanted, unflushed] = [2, 3, 4, 5].map((bit) => ((flags >> bit) & 1) === 1);
  must(flags < 64 && mode !== "");
  const removesMax = fields.removesMax === 0xffff_ffff ? null : num(fields, "removesMax");
  const [excludes, missing] = [fields.excludeCount, fields.missingCount] as readonly (readonly string[])[];
  if (excludes === undefined || missing === undefined) throw new Error("lists are read");
  const base = str(fields, "base");
  must(!(unflushed === true && mode === "check"));
  must(removes === true ? mode !== "check" : mode !== "prune");
  must(removes === true || !(baseListed || namesWanted || removesMax !== null || missing.length > 0));
  must(excludes.length === 0 ? base === "" : isText(base) && base.startsWith("2f"));
  must(excludes.length <= 1024 && excludes.every(isText));
  const paths = missing.map(partsOf);
  for (const [i, later] of paths.entries())
    must(paths.slice(0, i).every((earlier) => before(earlier, later) && !isInside(later, earlier)));
  // What says nothing is said in no bytes, §2.3.
  must(flags !== 0 || excludes.length > 0);
  const marks: { readonly [name: string]: Plain } = {
    removes: removes ?? false,
    baseListed: baseListed ?? false,
    namesWanted: namesWanted ?? false,
    unflushed: unflushed ?? false,
  };
  return { mode, ...marks, removesMax, missing, base, excludes };
}

/** 1..4,095 bytes without NUL. */
function isText(digits: string): boolean {
  return /^((?!00)..){1,4095}$/.test(digits);
}
