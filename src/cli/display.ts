/**
 * Names and texts made fit for one line of a terminal or a log. A control character becomes `\n`, `\t`, `\r` or `\xHH`. A backslash is doubled
 * where it would look like the beginning of one of these, or of another backslash: one name is one line, and what is shown can be turned back.
 */

/** Shows bytes (one character each): UTF-8 stays as it is; C0, DEL, and C1 as UTF-8 spells it, are escaped byte by byte. */
export function displayBytes(bytes: string): string {
  return bytes.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
    /[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|\\(?=[\\ntrx\x00-\x1f\x7f]|\xc2[\x80-\x9f])/g,
    (found) => (found === "\\" ? "\\\\" : [...found].map(escapeUnit).join("")),
  );
}

/** Shows text: as `displayBytes`, but backslashes stay, for text that may be escaped already. */
export function displayText(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what this is about
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, escapeUnit);
}

/** Text as the bytes of its UTF-8 form, one character each. */
export function textToBytes(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** The inverse of `textToBytes`; what is not UTF-8 becomes U+FFFD. */
export function bytesToText(bytes: string): string {
  return Buffer.from(bytes, "latin1").toString("utf8");
}

function escapeUnit(char: string): string {
  if (char === "\n") return "\\n";
  if (char === "\t") return "\\t";
  if (char === "\r") return "\\r";
  const code = char.charCodeAt(0);
  return code > 0xff ? `\\u${code.toString(16)}` : `\\x${code.toString(16).padStart(2, "0")}`;
}
