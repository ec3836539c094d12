import { describe, expect, test } from "bun:test";
import { RxWindow } from "../../src/engine/rx-window.ts";
import { WINDOW_MAX } from "../../src/engine/tuning.ts";
import type { NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { RxHead } from "../../src/wire/rx-table.ts";
import { newCore } from "./support.ts";

/** A window whose DATA is only counted, as the packet handler does. */
function newWindow() {
  const { rx } = newCore().memory;
  const push = { owner: 9n as NodeId, push: 1 as PushId, symbolSize: 500, blockSymbols: 8 };
  const window = new RxWindow(rx, 0, { ...push, slots: [0 as Slot] });
  const data = (sequence: number, packets = 1) => {
    rx[RxHead.sequence] = sequence & 0xffff;
    rx[RxHead.received] = (rx[RxHead.received] ?? 0) + packets;
  };
  const sync = (sequence: number) =>
    window.onSync({ block: 1, symbol: 0, sequence: sequence & 0xffff, any: true });
  return { window, data, sync };
}

describe("the newest transmission counter that a receiver knows", () => {
  test.each([0, 65_500])("is SYNC's where packets before it were lost (after %p)", (from) => {
    const { window, data, sync } = newWindow();
    data(from);
    sync(from + 60);
    expect(window.sequence).toBe((from + 60) & 0xffff);
  });

  test.each([0, 65_500])(
    "does not go back behind DATA that followed SYNC in one batch (after %p)",
    (from) => {
      const { window, data, sync } = newWindow();
      data(from);
      sync(from);
      data(from + 63, 63);
      sync(from);
      expect(window.sequence).toBe((from + 63) & 0xffff);
    },
  );

  test("what is tens of thousands late cannot hold it up: at once when it is more than a window ahead, else when nothing follows", () => {
    const { window, data, sync } = newWindow();
    data(100);
    sync(100);
    data(100 + WINDOW_MAX + 1);
    sync(100);
    expect(window.sequence).toBe(100);
    data(100 + WINDOW_MAX);
    sync(100);
    expect(window.sequence).toBe(100 + WINDOW_MAX);
    sync(100);
    expect(window.sequence).toBe(100);
  });
});
