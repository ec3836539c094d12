/** Hosts whose trees differ in every way, and what is to be seen when `--delete` has made them equal. */
import { expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { EXCLUDES, KEPT_DIRECTORIES, makeDiffering, makeOriginal, SPARED, VARIANTS } from "./differing.ts";
import { differences, leftovers } from "./judge.ts";
import { type Host, Lab } from "./lab.ts";
import { namesOf, type Snapshot, snapshot } from "./names.ts";
import { others } from "./scenario.ts";

/** msync's words for what these tests are about. */
export const DELETE = ["--delete", "-r", ...EXCLUDES.map((pattern) => `--exclude=${pattern}`)];

/** A folder on the same file system as a host's base, but outside of it. */
export function outsideOf(host: Host): string {
  return `${host.path()}-outside`;
}

/** A sender with the original, and receivers that differ from it; no daemon runs yet. */
export async function differingLab(options: { readonly owners: boolean }): Promise<Lab> {
  const lab = await Lab.create({ hosts: VARIANTS + 1 });
  const original = lab.host(1).path();
  await makeOriginal(original, options);
  for (const [variant, host] of others(lab).entries()) {
    const outside = outsideOf(host);
    mkdirSync(outside);
    writeFileSync(`${outside}/victim`, "do not touch");
    await makeDiffering(host.path(), original, { variant, outside, ...options });
  }
  return lab;
}

/** Expects what `--delete` promises: rsync finds no difference but in what is excluded, which is as it was, to the inode. */
export async function expectMirrored(original: Host, copy: Host, before: Snapshot): Promise<void> {
  // Without deleting anything, rsync does not notice that what is excluded is in the way; that they stay is seen below.
  const kept = new Set(KEPT_DIRECTORIES.map((name) => `*deleting   ${name}/`));
  const found = (await differences(original.path(), copy.path(), EXCLUDES)).filter((line) => !kept.has(line));
  expect({ host: copy.name, found }).toEqual({ host: copy.name, found: [] });
  const after = snapshot(copy.path(), { changed: true });
  for (const name of SPARED) {
    expect({ host: copy.name, name, there: after.has(name) }).toEqual({ host: copy.name, name, there: true });
    if (KEPT_DIRECTORIES.includes(name)) continue;
    // A directory that is excluded is itself one of the names that stay as they are.
    expect({ host: copy.name, name, is: after.get(name) }).toEqual({
      host: copy.name,
      name,
      is: before.get(name),
    });
  }
  const rest = namesOf(copy.path());
  for (const name of namesOf(original.path())) if (!isExcluded(name)) rest.delete(name);
  expect([...rest].sort()).toEqual([...SPARED].sort());
  expect(await leftovers(copy.path())).toEqual([]);
}

/** Whether one of `EXCLUDES` covers a name of the original. */
function isExcluded(name: string): boolean {
  return name.endsWith(".keep") || /(^|\/)private(\/|$)/.test(name);
}
