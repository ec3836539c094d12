import {
  Digits,
  digitsOf,
  type Fields,
  must,
  mustBeZero,
  num,
  Refusal,
  readLayout,
  setOf,
  str,
  textOf,
} from "./second-notation.ts";

/** Payloads of the records of REPORT by kind, from the table in §6.2. */
export const PAYLOADS = {
  ACCEPT: "u32 receiveBuffer, u32 window",
  REFUSE: "u16 reason, text",
  NEED: "u32 section, u16 entries, u8 updateForm, u8 contentForm, bitmaps",
  FAIL: "u32 entry, u16 errno, u8 step, u8 0, path",
  PREPARED: "u32 0",
  OUTCOME: "u8 outcome, u8 0, u16 0",
  REMOVALS: "u32 count, u8 last, u8 0, u16 0, names",
} as const;
const RECORD_KINDS = ["", "ACCEPT", "REFUSE", "NEED", "FAIL", "PREPARED", "OUTCOME", "REMOVALS"] as const;

/** One record of REPORT; everything that is wrong inside is `range`, §2.4. */
export function recordOf(record: Fields): Fields {
  const kind = RECORD_KINDS[num(record, "kind")];
  if (kind === undefined || kind === "" || record.zero !== 0) throw new Refusal("range");
  const digits = new Digits(str(record, "payload"));
  try {
    const fields = readLayout(PAYLOADS[kind], digits, (item) => ({
      [item]: digits.take(digits.rest.length / 2),
    }));
    must(digits.rest === "");
    mustBeZero(fields);
    return payloadOf(kind, fields);
  } catch (refusal) {
    throw refusal instanceof Refusal ? new Refusal("range") : refusal;
  }
}

function payloadOf(kind: keyof typeof PAYLOADS, f: Fields): Fields {
  switch (kind) {
    case "ACCEPT":
      must(num(f, "window") >= 1);
      return { kind: "accept", receiveBuffer: num(f, "receiveBuffer"), window: num(f, "window") };
    case "REFUSE":
      must(num(f, "reason") >= 1 && num(f, "reason") <= 6 && str(f, "text").length <= 800);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what the page forbids
      return { kind: "refuse", reason: num(f, "reason"), text: textOf(str(f, "text"), /[\x00-\x1f\x7f]/) };
    case "NEED":
      return needOf(f);
    case "FAIL": {
      must(num(f, "step") <= 8);
      const entry = num(f, "entry") === 0xffff_ffff ? null : num(f, "entry");
      const path = str(f, "path");
      must(/^((?!00)..){0,400}$/.test(path) && (path === "" || entry === null));
      return { kind: "fail", entry, errno: num(f, "errno"), step: num(f, "step"), path: path || null };
    }
    case "PREPARED":
      return { kind: "prepared" };
    case "OUTCOME":
      must(f.outcome === 1 || f.outcome === 2);
      return { kind: "outcome", committed: f.outcome === 1 };
    case "REMOVALS": {
      const [count, last, names] = [num(f, "count"), num(f, "last"), str(f, "names")];
      must(last <= 1 && (names === "" ? last === 1 : count > 0));
      return { kind: "removals", count, last: last === 1, names };
    }
  }
}

/** §6.3. Sets of entries are strings of "0" and "1", entry 0 first. */
function needOf(f: Fields): Fields {
  const entries = num(f, "entries");
  const [updateForm, contentForm] = [num(f, "updateForm"), num(f, "contentForm")];
  must(entries <= 1024 && updateForm <= 2 && contentForm <= 3);
  const bitmaps = new Digits(str(f, "bitmaps"));
  const read = (form: number, update: string): string =>
    form === 3
      ? update
      : form === 2
        ? setOf(bitmaps.take(Math.ceil(entries / 8)), entries)
        : String(form).repeat(entries);
  const update = read(updateForm, "");
  const content = read(contentForm, update);
  must(bitmaps.rest === "");
  must([...content].every((bit, i) => bit === "0" || update[i] === "1"));
  must(updateForm === canonical(update));
  must(contentForm === (content === update && canonical(update) === 2 ? 3 : canonical(content)));
  const section = num(f, "section");
  return { kind: "need", section, entries, update: digitsOf(update), content: digitsOf(content) };
}

function canonical(set: string): number {
  return !set.includes("1") ? 0 : set.includes("0") ? 2 : 1;
}
