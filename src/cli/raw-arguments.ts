/** What stands in text for bytes that are not UTF-8. */
const REPLACEMENT = "\ufffd";

/**
 * The arguments of this process as bytes, one character each: `process.argv` is text, and a path that is not UTF-8 would not survive it.
 */
export function rawArguments(): string[] {
  const texts = process.argv.slice(2);
  const encoded = texts.map((text) => Buffer.from(text).toString("latin1"));
  if (!texts.some((text) => text.includes(REPLACEMENT))) return encoded;
  const { readFileSync } = process.getBuiltinModule("node:fs");
  const all = readFileSync("/proc/self/cmdline", "latin1").split("\0").slice(0, -1);
  const bytes = all.slice(all.length - texts.length);
  const same =
    bytes.length === texts.length &&
    bytes.every((word, i) => Buffer.from(word, "latin1").toString() === texts[i]);
  return same ? bytes : encoded;
}
