/** What stands in text for bytes that are not UTF-8. */
const REPLACEMENT = "\ufffd";
/** Whether this program is the finished executable, and not a checkout. */
const inExecutable = import.meta.url.startsWith("file:///$bunfs/");

/**
 * The arguments of this process as bytes, one character each: `process.argv` is text, and a path that is not UTF-8 would not survive it. Nor does
 * a `--` that comes first: where Bun runs a file, it takes that for its own.
 */
export function rawArguments(): string[] {
  const texts = process.argv.slice(2);
  const mayBeShort = !inExecutable && texts[0]?.startsWith("-") === true;
  const encoded: string[] = [];
  // A loop: the first use of a method like `map` takes longer than all else here, and msync's start is most of a short push.
  let whole = true;
  for (const text of texts) {
    encoded.push(Buffer.from(text).toString("latin1"));
    whole &&= !text.includes(REPLACEMENT);
  }
  if (whole && !mayBeShort) return encoded;
  const { readFileSync } = process.getBuiltinModule("node:fs");
  const all = readFileSync("/proc/self/cmdline", "latin1").split("\0").slice(0, -1);
  const from = all.length - texts.length;
  const bytes = all.slice(from);
  const same =
    bytes.length === texts.length &&
    bytes.every((word, i) => Buffer.from(word, "latin1").toString() === texts[i]);
  if (!same) return encoded;
  return mayBeShort && all[from - 1] === "--" ? ["--", ...bytes] : bytes;
}
