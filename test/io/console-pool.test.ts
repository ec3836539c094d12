import { expect, test } from "bun:test";
import { COMMAND_BYTES_MAX, CONSOLES_MAX, ConsolePool, HELD_BYTES_MAX } from "../../src/io/console-pool.ts";

const mib = 1 << 20;

class Member {
  heldBytes = 0;
  shrunkAt: number;
  why: string | undefined;

  constructor(shrunkAt: number) {
    this.shrunkAt = shrunkAt;
  }

  drop(why: string): void {
    this.why = why;
  }
}

function members(pool: ConsolePool, count: number): Member[] {
  const list = Array.from({ length: count }, (_, i) => new Member(i));
  for (const member of list) pool.enter(member);
  return list;
}

function hold(pool: ConsolePool, member: Member | undefined, bytes: number): void {
  if (member === undefined) throw new Error("there is no such member");
  member.heldBytes = bytes;
  pool.changed(member);
}

test("as many as there may be, and one more when one has left", () => {
  const pool = new ConsolePool();
  const list = members(pool, CONSOLES_MAX - 1);
  expect(pool.full).toBe(false);
  const last = new Member(0);
  pool.enter(last);
  expect(pool.full).toBe(true);
  pool.leave(last);
  pool.leave(last);
  expect(pool.full).toBe(false);
  expect(list.every((member) => member.why === undefined)).toBe(true);
});

test("the bound itself is allowed; one byte more, and the one goes that has been stuck the longest", () => {
  const pool = new ConsolePool();
  const [oldest, middle, newest] = members(pool, 3);
  hold(pool, middle, 20 * mib);
  hold(pool, newest, 40 * mib);
  hold(pool, oldest, 4 * mib);
  expect(pool.heldBytes).toBe(HELD_BYTES_MAX);
  expect([oldest?.why, middle?.why, newest?.why]).toEqual([undefined, undefined, undefined]);
  hold(pool, newest, 40 * mib + 1);
  expect(oldest?.why).toContain("does not read");
  expect([middle?.why, newest?.why]).toEqual([undefined, undefined]);
  expect(pool.heldBytes).toBe(60 * mib + 1);
});

test("whoever holds little is never the one to go, however long it has been stuck", () => {
  const pool = new ConsolePool();
  const list = members(pool, CONSOLES_MAX);
  for (const member of list) hold(pool, member, HELD_BYTES_MAX / CONSOLES_MAX);
  expect(pool.heldBytes).toBe(HELD_BYTES_MAX);
  const last = list.at(-1);
  hold(pool, last, HELD_BYTES_MAX / CONSOLES_MAX + 1);
  expect(last?.why).toContain("does not read");
  expect(list.filter((member) => member.why !== undefined)).toEqual([last as Member]);
});

test("what is given back counts no more, and who has left holds nothing", () => {
  const pool = new ConsolePool();
  const [first, second] = members(pool, 2);
  hold(pool, first, 60 * mib);
  hold(pool, first, mib);
  hold(pool, second, 60 * mib);
  expect(pool.heldBytes).toBe(61 * mib);
  if (second !== undefined) pool.leave(second);
  expect(pool.heldBytes).toBe(mib);
  hold(pool, second, 90 * mib);
  expect(pool.heldBytes).toBe(mib);
  expect(first?.why).toBeUndefined();
});

test("long commands have their bound, short ones always run, and what is over counts no more", () => {
  const pool = new ConsolePool();
  const first = pool.hold(COMMAND_BYTES_MAX - 5_000);
  const second = pool.hold(5_000);
  expect([first, second].every((release) => release !== undefined)).toBe(true);
  expect(pool.hold(4_097)).toBeUndefined();
  expect(pool.hold(4_096)).toBeDefined();
  second?.();
  second?.();
  expect(pool.hold(5_001)).toBeUndefined();
  expect(pool.hold(5_000)).toBeDefined();
});
