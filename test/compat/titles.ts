/** The titles of tests, as their files have them: with `%s`, or `…` for what is computed, where each case has its own. */

const CALL =
  /^( *)(?:[^\n]*?(?:\b(?:test|describe|asRoot)(?:\.\w+)?|\)))\(\s*(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|`((?:\\.|[^`\\])*)`),\s*(?:async\s*)?(?:\([^)]*\)|\w+)\s*=>/gm;

/** All titles in a well-formatted test file: those of a group as `group > test`, as the indentation tells. */
export function titlesOf(text: string): Set<string> {
  const titles = new Set<string>();
  const open: { readonly indent: number; readonly title: string }[] = [];
  for (const match of text.matchAll(CALL)) {
    const indent = match[1]?.length ?? 0;
    const plain = match[2] ?? match[3] ?? match[4]?.replace(/\$\{[^}]*\}/g, "…") ?? "";
    const title = plain.replace(/\\(.)/g, "$1");
    while ((open.at(-1)?.indent ?? -1) >= indent) open.pop();
    open.push({ indent, title });
    titles.add(open.map((each) => each.title).join(" > "));
  }
  return titles;
}
