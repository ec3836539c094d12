import { describe, expect, test } from "bun:test";
import { Membership } from "../../src/engine/membership.ts";
import { EXPIRY_INTERVALS, HELLO_INTERVAL_US_MIN, SETTLE_US } from "../../src/engine/tuning.ts";
import type { NodeId } from "../../src/wire/brand.ts";
import { drain, HELLO, messages, newCore, us } from "./support.ts";

const from = { ip: 0x0a000002, port: 7000 };
const node = (id: number) => BigInt(id) as NodeId;
const expiryUs = HELLO_INTERVAL_US_MIN * EXPIRY_INTERVALS;

describe("membership (PROTOCOL §4)", () => {
  test("announces itself at once and asks for answers, three times, then repeats without asking", () => {
    const core = newCore();
    const membership = new Membership(core);
    const asked: boolean[] = [];
    for (let at = 0; at <= 3_000_000; at += 10_000) {
      membership.onTimeout(us(at));
      for (const message of messages(drain(core))) {
        if (message.type === "hello") asked.push(message.solicit);
      }
    }
    expect(asked.slice(0, 4)).toEqual([true, true, true, false]);
    expect(asked.length).toBeGreaterThanOrEqual(6);
    expect(asked.length).toBeLessThanOrEqual(8);
  });

  test("two hosts of one name are told, once; a daemon that was started again is none", () => {
    const core = newCore();
    const membership = new Membership(core);
    const logged = () =>
      drain(core).flatMap((output) =>
        output.kind === "event" && output.event.kind === "log" ? [output.event] : [],
      );
    membership.onHello(node(2), HELLO, from, us(100));
    membership.onHello(node(3), { ...HELLO, epoch: 6n }, from, us(200));
    expect(logged().filter(({ level }) => level < 2)).toEqual([]);
    for (const at of [300, 400]) membership.onHello(node(4), HELLO, { ...from, ip: 0x0a000009 }, us(at));
    expect(logged().filter(({ level }) => level < 2)).toMatchObject([
      { level: 1, text: "two members have the name host2: 10.0.0.2 and 10.0.0.9" },
    ]);
  });

  test("a silent member stays until the limit and is gone at it", () => {
    const core = newCore();
    const membership = new Membership(core);
    membership.onTimeout(us(0));
    membership.onHello(node(2), HELLO, from, us(100));
    expect(membership.onTimeout(us(100 + expiryUs - 1))).toEqual([]);
    expect(membership.get(node(2))?.name).toBe("host2");
    expect(membership.onTimeout(us(100 + expiryUs))).toEqual([node(2)]);
    expect(membership.all()).toEqual([]);
  });

  test("any packet keeps a member alive, and the deadline never misses an expiry", () => {
    const core = newCore();
    const membership = new Membership(core);
    membership.onTimeout(us(0));
    membership.onHello(node(2), HELLO, from, us(0));
    membership.touch(node(2), us(1_000_000));
    expect(membership.onTimeout(us(expiryUs))).toEqual([]);
    expect(membership.deadline()).toBeLessThanOrEqual(1_000_000 + expiryUs);
    expect(membership.onTimeout(us(1_000_000 + expiryUs))).toEqual([node(2)]);
  });

  test("BYE counts only with the epoch of the member", () => {
    const membership = new Membership(newCore());
    membership.onHello(node(2), HELLO, from, us(0));
    expect(membership.onBye(node(2), 4n)).toBe(false);
    expect(membership.onBye(node(2), 5n)).toBe(true);
    expect(membership.onBye(node(2), 5n)).toBe(false);
  });

  test("a restarted daemon replaces its old self; a namesake elsewhere does not", () => {
    const membership = new Membership(newCore());
    membership.onHello(node(2), HELLO, from, us(0));
    expect(
      membership.onHello(node(3), { ...HELLO, epoch: 9n }, { ip: 0x0a000003, port: 7000 }, us(1)),
    ).toEqual([]);
    expect(membership.onHello(node(4), { ...HELLO, epoch: 6n }, from, us(2))).toEqual([node(2)]);
    expect(membership.onHello(node(5), { ...HELLO, epoch: 5n }, from, us(3))).toEqual([]);
    expect(membership.all().map((member) => member.node)).toEqual([node(3), node(4)]);
  });

  test("a solicit is answered soon by a small group, and no faster than its share by a large one", () => {
    for (const [others, latest] of [
      [3, 32_000],
      [999, 8_000_000],
    ] as const) {
      const core = newCore({ random: 0xffff_ffff });
      const membership = new Membership(core);
      for (let at = 0; at <= 1_000_000; at += 50_000) membership.onTimeout(us(at));
      for (let id = 2; id < 2 + others; id++) {
        membership.onHello(node(id), { ...HELLO, name: `h${id}` }, { ip: id, port: 1 }, us(1_000_000));
      }
      drain(core);
      membership.onHello(
        node(5000),
        { ...HELLO, name: "new", solicit: true },
        { ip: 5000, port: 1 },
        us(1_000_000),
      );
      expect(membership.deadline() - 1_000_000).toBeLessThanOrEqual(latest);
    }
  });

  test("a push may rely on the members from the settling time on", () => {
    const membership = new Membership(newCore());
    expect(membership.settledAt()).toBe(us(Number.POSITIVE_INFINITY));
    membership.onTimeout(us(7));
    expect(membership.settledAt()).toBe(us(7 + SETTLE_US));
  });
});
