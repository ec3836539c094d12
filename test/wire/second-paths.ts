/** Paths in the second decoder, in the page's own terms (PROTOCOL §10.1): a path in digits is a list of parts, a part the digits of its bytes. */
import { must } from "./second-notation.ts";

/** The parts of a path; refused if it is none. */
export function partsOf(path: string): readonly string[] {
  must(path.length > 0 && path.length <= 4095 * 2);
  const parts = ` ${(path.match(/../g) ?? []).join(" ")}`.split(" 2f");
  for (const part of parts) {
    must(/^( (?!00)..){1,255}$/.test(part) && part !== " 2e" && part !== " 2e 2e");
  }
  return parts;
}

/** Component by component, each as bytes (two digits and a blank for each keep the order). */
export function before(a: readonly string[], b: readonly string[]): boolean {
  for (const [i, part] of a.entries()) {
    const other = b[i];
    if (other === undefined) return false;
    if (part !== other) return part < other;
  }
  return a.length < b.length;
}

/** Whether `later` is inside of `earlier`. */
export function isInside(later: readonly string[], earlier: readonly string[]): boolean {
  return earlier.length < later.length && earlier.every((part, i) => part === later[i]);
}
