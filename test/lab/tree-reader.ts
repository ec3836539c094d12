/**
 * Reads the 200 files of a tree again and again, and counts what it sees: `bun tree-reader.ts DIRECTORY COUNT`. Each file must hold one letter,
 * as often as its size says: `o` (old) or `n` (new). Ends when it has seen every file new in one round, or after 60 s, and prints the counts as JSON.
 */
import { readFileSync } from "node:fs";

const [directory = "", count = "0"] = process.argv.slice(2);
const files = Array.from({ length: Number(count) }, (_, i) => `${directory}/${i}`);
const seen = { rounds: 0, missing: 0, mixed: 0, old: 0, new: 0, mixedRounds: 0 };
const end = performance.now() + 60_000;
console.log("reading");
while (performance.now() < end) {
  const kinds = files.map(look);
  seen.rounds += 1;
  for (const kind of kinds) seen[kind] += 1;
  const fresh = kinds.filter((kind) => kind === "new").length;
  if (fresh === files.length) break;
  if (fresh > 0) seen.mixedRounds += 1;
}
console.log(JSON.stringify(seen));

function look(path: string): "old" | "new" | "missing" | "mixed" {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch {
    return "missing";
  }
  const letter = bytes[0];
  // Old files are 20,000 bytes long, new ones 30,000.
  if (letter === 0x6f && bytes.length === 20_000 && bytes.every((byte) => byte === letter)) return "old";
  if (letter === 0x6e && bytes.length === 30_000 && bytes.every((byte) => byte === letter)) return "new";
  return "mixed";
}
