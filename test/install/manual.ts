/** The manual pages' source, read for what can be checked. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./package.ts";

/** The source of a page, `makuosan.8` or `msync.1`. */
export function manualSource(page: string): string {
  return readFileSync(join(ROOT, "share/man", page), "utf8");
}

/** Options that the page describes: the flags of list items, `-x` and `--long`. */
export function describedOptions(page: string): Set<string> {
  const items = manualSource(page).match(/^\.It Fl .*$/gm) ?? [];
  return new Set(
    items.flatMap((item) =>
      [...item.matchAll(/\bFl (-?[A-Za-z][a-z-]*)/g)].map((match) => `-${match[1] ?? ""}`),
    ),
  );
}

/** Files that the page tells an administrator to add to the unit, by the text of their list item. */
export function describedDropIns(): Map<string, string> {
  const service = /^\.Sh SERVICE$([\s\S]*?)^\.Sh /m.exec(manualSource("makuosan.8"))?.[1] ?? "";
  const found = service.matchAll(/^\.It (.*)\n\.Bd -literal -compact\n([\s\S]*?)^\.Ed$/gm);
  return new Map(
    [...found].map((match) => [(match[1] ?? "").replace(/\b(Fl|Pa|Xr) |No /g, ""), match[2] ?? ""]),
  );
}
