/** The second decoder for what the blocks contain once expanded (PROTOCOL §10): written from the page alone, in the manner of second.ts. */
import {
  Digits,
  type Fields,
  must,
  mustBeZero,
  num,
  type Plain,
  Refusal,
  readLayout,
  setOf,
  str,
} from "./second-notation.ts";
import { before, isInside, partsOf } from "./second-paths.ts";
import { SILENCE, TERMS, termsOf } from "./second-terms.ts";

/** Layouts as on the page but for the remarks. */
export const CONTENTS = {
  SECTION: "u32 firstEntry, u16 count, u16 termsBytes, terms",
  TERMS,
  ENTRY:
    "u8 type, u8 flags, u16 mode, u32 uid, u32 gid, i64 seconds, u32 nanoseconds, u64 size, u16 shared, u16 suffixLength, suffix, digest",
  TARGET: "u16 targetLength",
  PLAN: "u32 section, u16 entries, u16 0",
  VERDICT: "u32 entry, u8 status, u8 0, u16 errno",
} as const;

const DECODERS = { section: sectionOf, plan: planOf, verdict: verdictOf, amendment: amendmentOf } as const;
export type ContentKind = keyof typeof DECODERS;

/**
 * Decodes expanded contents; undefined if they break a rule (which one found first does not matter, §10). `terms`: those of the push, for a
 * section that is not its first.
 */
export function decodeContents(
  kind: ContentKind,
  digits: string,
  terms: Fields = SILENCE,
): Plain | undefined {
  if (digits.length > 262_144 * 2) return undefined;
  try {
    return DECODERS[kind](new Digits(digits), terms);
  } catch (refusal) {
    if (refusal instanceof Refusal) return undefined;
    throw refusal;
  }
}

type EntryPlain = { readonly type: string; readonly path: string; readonly [name: string]: Plain };

function sectionOf(digits: Digits, known: Fields): Plain {
  const fields = readLayout(CONTENTS.SECTION, digits, (item, so) => ({
    [item]: digits.take(num(so, "termsBytes")),
  }));
  const { firstEntry = 0, count = 0 } = fields;
  must(firstEntry === 0 || fields.terms === "");
  const terms = firstEntry === 0 ? termsOf(str(fields, "terms")) : known;
  must(Number(count) <= 1024 && (count !== 0 || firstEntry === 0));
  must(Number(firstEntry) + Number(count) < 2 ** 32);
  const entries: EntryPlain[] = [];
  while (entries.length < Number(count)) entries.push(entryOf(digits, entries.at(-1)?.path ?? ""));
  must(digits.rest === "");
  must(
    entries.every(({ type, digest }) => type !== "file" || (digest !== null) === (terms.mode === "check")),
  );
  // The order and the insides, in the page's own terms: all pairs, whatever the cost.
  const parts = entries.map(({ path }) => partsOf(path));
  for (const [i, later] of parts.entries()) {
    for (const [k, earlier] of parts.slice(0, i).entries()) {
      must(before(earlier, later));
      must(!isInside(later, earlier) || entries[k]?.type === "directory");
    }
  }
  return { firstEntry, terms, entries };
}

function entryOf(digits: Digits, previous: string): EntryPlain {
  const fields = readLayout(CONTENTS.ENTRY, digits, (item, so) => {
    if (item === "i64 seconds")
      return { seconds: BigInt.asIntN(64, BigInt(`0x${digits.take(8)}`)).toString() };
    if (item === "digest") return { digest: digits.take((num(so, "flags") & 1) === 1 ? 16 : 0) };
    return { [item]: digits.take(num(so, `${item}Length`)) };
  });
  const type = ["", "file", "directory", "symlink", "fifo", "block", "character", "other"][
    num(fields, "type")
  ];
  if (type === undefined || type === "") throw new Refusal("range");
  const flags = num(fields, "flags");
  must(
    flags <= (type === "file" ? 1 : type === "directory" ? 2 : 0) && !(type === "directory" && flags === 1),
  );
  const [mode, uid, gid, nanoseconds] = ["mode", "uid", "gid", "nanoseconds"].map((name) =>
    num(fields, name),
  );
  must(Number(mode) < 2 ** 12 && Number(nanoseconds) < 1e9);
  must(uid !== 0xffff_ffff && gid !== 0xffff_ffff);
  const size = BigInt(str(fields, "size"));
  must(size < 2n ** 53n && (["file", "block", "character"].includes(type) || size === 0n));
  const { seconds = "" } = fields;
  must(type !== "other" || [mode, uid, gid, nanoseconds].every((value) => value === 0));
  must(type !== "other" || seconds === "0");
  const shared = num(fields, "shared") * 2;
  const path = previous.slice(0, shared) + str(fields, "suffix");
  must(shared <= previous.length);
  // The longest possible: one byte more would not do.
  must(
    path.slice(0, shared + 2) !== previous.slice(0, shared + 2) ||
      path.length === shared ||
      previous.length === shared,
  );
  partsOf(path);
  const common = {
    type,
    path,
    mode: mode ?? 0,
    uid: uid ?? 0,
    gid: gid ?? 0,
    seconds,
    nanoseconds: nanoseconds ?? 0,
  };
  const target =
    type === "symlink"
      ? digits.take(
          num(
            readLayout(CONTENTS.TARGET, digits, () => ({})),
            "targetLength",
          ),
        )
      : null;
  must(target === null || /^((?!00)..){1,4095}$/.test(target));
  const digest = flags === 1 ? str(fields, "digest") : null;
  return { ...common, size: Number(size), target, digest, listed: flags === 2 ? true : null };
}

function planOf(digits: Digits): Plain {
  const records: Fields[] = [];
  while (digits.rest !== "") {
    const fields = readLayout(CONTENTS.PLAN, digits, () => ({}));
    mustBeZero(fields);
    const [section, entries] = [num(fields, "section"), num(fields, "entries")];
    must(section > Number(records.at(-1)?.section ?? -1) && entries >= 1 && entries <= 1024);
    const content = digits.take(Math.ceil(entries / 8));
    must(setOf(content, entries).includes("1"));
    records.push({ section, entries, content });
  }
  return records;
}

function verdictOf(digits: Digits): Plain {
  const records: Fields[] = [];
  while (digits.rest !== "" || records.length === 0) {
    const fields = readLayout(CONTENTS.VERDICT, digits, () => ({}));
    mustBeZero(fields);
    const [entry, errno, digest] = [num(fields, "entry"), num(fields, "errno"), digits.take(16)];
    must(entry > Number(records.at(-1)?.entry ?? -1) && entry < 2 ** 32 - 1);
    const status = ["good", "changed", "unreadable"][num(fields, "status")] ?? "";
    must(
      status !== "" && (status === "unreadable" || errno === 0) && (status === "good" || /^0+$/.test(digest)),
    );
    records.push({
      entry,
      status,
      ...(status === "good" ? { digest } : status === "unreadable" ? { errno } : {}),
    });
  }
  return records;
}

function amendmentOf(digits: Digits): Plain {
  const records: Fields[] = [];
  while (digits.rest !== "" || records.length === 0) {
    const entry = digits.uint(4);
    const to = entryOf(digits, "");
    must(entry > Number(records.at(-1)?.entry ?? -1) && entry < 2 ** 32 - 1 && to.type === "file");
    must(to.digest === null);
    records.push({ entry, to });
  }
  return records;
}
