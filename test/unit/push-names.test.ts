import { expect, test } from "bun:test";
import { keyText as stagedName } from "../../src/disk/push-key.ts";
import { keyText } from "../../src/engine/names.ts";
import type { NodeId, PushId } from "../../src/wire/brand.ts";

/** A push's names as text, which are kept for the next time. */
test("a push has its own name, whichever was asked for before", () => {
  const keys = [1n, 0xffn, 0x0123_4567_89ab_cdefn].flatMap((owner) =>
    [0, 1, 0xffff_ffff].map((push) => ({ owner: owner as NodeId, push: push as PushId })),
  );
  for (const before of keys) {
    for (const key of keys) {
      for (const asked of [before, key, { ...key }, key]) {
        const owner = asked.owner.toString(16);
        expect(keyText(asked)).toBe(`${owner}/${asked.push}`);
        const digits = [owner.padStart(16, "0"), asked.push.toString(16).padStart(8, "0")];
        expect(stagedName(asked)).toBe(digits.join("-"));
      }
    }
  }
});
