import { expect, test } from "bun:test";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { FailStep } from "../../src/wire/constants.ts";
import { entry, Sender } from "./sender.ts";
import { interpose, push, receiver, snapshot, tools, workspace } from "./support.ts";

/** What one push must not do to others: fill the memory, or end the thread. */

const EIO = 5;
const ENOMEM = 12;

/** Sends sections of 100 new files until one fails, or `max` of them; says how many were taken. */
function flood(sender: Sender, max: number): { taken: number; failure: unknown } {
  for (let taken = 0; taken < max; taken++) {
    const first = 100 * taken;
    const entries = Array.from({ length: 100 }, (_, i) => entry(`${1e6 + first + i}`));
    const { failure } = sender.manifest(entries, first, false);
    if (failure !== undefined) return { taken, failure };
  }
  return { taken: max, failure: undefined };
}

test("a manifest that would fill the memory fails, and what it took is free again afterwards", () => {
  using space = workspace();
  const to = receiver(space.root, { limits: { push: 100_000, all: 150_000 } });
  const failure = { errno: ENOMEM, step: FailStep.manifest, entry: undefined };
  const first = new Sender(to);
  const { taken, failure: seen } = flood(first, 100);
  expect(seen).toEqual(failure);
  // 100 files are some 5 KB here.
  expect(taken).toBeGreaterThan(10);
  expect(taken).toBeLessThan(25);
  // What is left for a second one is what all may have.
  const second = new Sender(to);
  expect(flood(second, 100).taken).toBeLessThan(taken - 1);
  expect(first.ask("abort").kind).toBe("closed");
  expect(second.ask("abort").kind).toBe("closed");
  expect(flood(new Sender(to), taken)).toEqual({ taken, failure: undefined });
});

test.each(["statMany", "write", "setMetadata", "rename"] as const)(
  "an exception out of %s fails the push in which it happens, says so in the log, and leaves nothing",
  (where) => {
    using space = workspace();
    mkdirSync(space.path("a"));
    mkdirSync(space.path("b"));
    writeFileSync(space.path("a/f"), "new");
    let broken = true;
    const sys = interpose(tools.sys, (call) => {
      if (call !== where || !broken) return undefined;
      broken = false;
      throw new RangeError("out of something");
    });
    const before = snapshot(space.path("b"));
    const to = receiver(space.path("b"), { sys });
    const [outcome] = push({ from: space.path("a"), to: [to] }).outcomes;
    expect(outcome?.failure?.errno).toBe(EIO);
    expect(to.log).toEqual([
      expect.stringMatching(/^fault in (block|commit) of push \S+, which fails: RangeError/),
    ]);
    expect(snapshot(space.path("b"))).toEqual(before);
    expect(push({ from: space.path("a"), to: [to] }).outcomes[0]?.committed).toBe(true);
    expect(readdirSync(space.path("b"))).toEqual(["f"]);
  },
);
