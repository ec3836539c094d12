import { expect, test } from "bun:test";
import { appendFileSync, closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { Directories } from "../../src/disk/directories.ts";
import { FileReader } from "../../src/disk/file-reader.ts";
import { type Fd, failed, type Latin1, type Stat, type Sys } from "../../src/disk/sys.ts";
import type { Entry } from "../../src/wire/manifest.ts";
import { tools, workspace } from "./support.ts";

/** A file that changed a moment ago is read once where the system can tell that nobody is writing it. It must never be half old, half new. */

const { sys: real } = tools;
const TICK_NS = 4_000_000n;
const BEGIN_NS = 1_700_000_000_000_000_123n;

/** What the writer does, one after the other, whenever it comes to it: as a program that writes a file in two parts, or is held up in one. */
const WRITER = ["open", "time", "half", "rest", "close"] as const;
/** A hole that is made in a file of tmpfs has its time last. */
const PUNCHER = ["open", "half", "rest", "time", "close"] as const;
type Step = (typeof WRITER)[number] | "tick";

/** A file system with one file of two bytes, whose clock ticks seldom. Before each of the reader's calls happens what the schedule says. */
class Model {
  content = "oo";
  changedNs = BEGIN_NS;
  writers = 0;
  clock = BEGIN_NS;
  #call = 0;
  readonly #schedule: readonly (readonly Step[])[];

  constructor(schedule: readonly (readonly Step[])[]) {
    this.#schedule = schedule;
  }

  /** Lets happen what comes before the next call. */
  next(): void {
    for (const step of this.#schedule[this.#call++] ?? []) {
      if (step === "tick") this.clock += TICK_NS;
      else if (step === "open") this.writers++;
      else if (step === "time") this.changedNs = this.clock;
      else if (step === "half") this.content = "no";
      else if (step === "rest") this.content = "nn";
      else this.writers--;
    }
  }
}

const CALLS = 7;
const ENTRY: Entry = {
  type: "file",
  path: new Uint8Array([0x66]),
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 2,
  // The writer leaves the time of modification as it was: only that of the change tells.
  seconds: 5n,
  nanoseconds: 7,
};

/** Reads the file byte by byte; returns what was read and whether that is taken for the file. `lie` changes what the system says. */
function readOnce(
  schedule: readonly (readonly Step[])[],
  lie: Partial<Sys> = {},
): { content: string; sure: boolean } {
  const model = new Model(schedule);
  const stat = (): Stat => ({
    ...{ kind: "file", mode: 0o644, uid: 0, gid: 0, size: 2, seconds: 5n, nanoseconds: 7, mount: 0n },
    ...{ inode: 1n, device: 1n, number: 0, links: 1, locked: false, changedNs: model.changedNs },
  });
  const watched = <T>(answer: () => T) => {
    model.next();
    return answer();
  };
  let content = "";
  const sys: Sys = {
    ...real,
    open: () => 9 as Fd,
    close: () => {},
    nowNs: () => watched(() => model.clock),
    stat: () => watched(stat),
    atRest: () => watched(() => model.writers === 0),
    awaitWrites: () => {},
    read: (_, into, position) =>
      watched(() => {
        content += model.content.slice(position, position + into.bytes);
        return into.bytes;
      }),
    ...lie,
  };
  const directories = new Directories(sys, 8 as Fd);
  const digest = tools.digest.open();
  const reader = new FileReader({ sys, memory: tools.arena.bytes, directories, digest });
  reader.open(ENTRY);
  while (reader.left > 0) reader.read({ at: 0, bytes: 1 });
  const { verdict, sure } = reader.finish(0);
  digest.close();
  return { content, sure: sure && verdict.status === "good" };
}

/** All ways in which the writer's steps and two ticks can fall before, between and after the reader's calls. */
function* schedules(writer: readonly Step[]): Generator<Step[][]> {
  const gaps = CALLS + 1;
  for (const order of mixed<Step>(writer, ["tick", "tick"])) {
    const at = order.map(() => 0);
    for (;;) {
      const schedule: Step[][] = Array.from({ length: gaps }, () => []);
      for (const [i, step] of order.entries()) schedule[at[i] ?? 0]?.push(step);
      yield schedule;
      // The next list of places, which never go back.
      let i = at.length - 1;
      while (i >= 0 && at[i] === gaps - 1) i--;
      if (i < 0) break;
      at.fill((at[i] ?? 0) + 1, i);
    }
  }
}

function mixed<T>(one: readonly T[], two: readonly T[]): T[][] {
  const [first, ...others] = one;
  const [second, ...rest] = two;
  if (first === undefined) return [[...two]];
  if (second === undefined) return [[...one]];
  return [
    ...mixed(others, two).map((order) => [first, ...order]),
    ...mixed(one, rest).map((order) => [second, ...order]),
  ];
}

test.each([
  { who: "a writer", writer: WRITER, least: 200 },
  { who: "one who makes a hole", writer: PUNCHER, least: 50 },
])("whenever $who comes, a file that is taken for whole is all old or all new", ({ writer, least }) => {
  const seen = { whole: 0, doubtful: 0 };
  for (const schedule of schedules(writer)) {
    const { content, sure } = readOnce(schedule);
    if (sure && content !== "oo" && content !== "nn")
      throw new Error(`${content}: ${JSON.stringify(schedule)}`);
    if (sure) seen.whole++;
    else seen.doubtful++;
  }
  expect(seen.whole + seen.doubtful).toBe(21 * 3_432);
  expect(seen.whole).toBeGreaterThan(least);
});

test("without either half of the proof some would be half and half", () => {
  const halves = (writer: readonly Step[], lie: Partial<Sys>) =>
    [...schedules(writer)].some((schedule) => {
      const { content, sure } = readOnce(schedule, lie);
      return sure && content !== "oo" && content !== "nn";
    });
  for (const writer of [WRITER, PUNCHER]) expect(halves(writer, { atRest: () => true })).toBe(true);
  expect(halves(WRITER, { nowNs: () => BEGIN_NS + 9n * TICK_NS })).toBe(true);
});

/** The real thing. */
function open(path: Latin1): Fd {
  const base = real.openBase(path);
  if (failed(base)) throw new Error(`${path}: ${base}`);
  const fd = real.open(base, "f", "read");
  real.close(base);
  if (failed(fd)) throw new Error(`f: ${fd}`);
  return fd;
}

test("a file is at rest unless somebody has it open for writing, or mapped so", () => {
  using space = workspace();
  writeFileSync(space.path("f"), "x".repeat(4096));
  const fd = open(space.path(""));
  expect(real.atRest(fd)).toBe(true);
  const reader = openSync(space.path("f"), "r");
  expect(real.atRest(fd)).toBe(true);
  for (const way of ["r+", "a", "w"]) {
    const writer = openSync(space.path("f"), way);
    expect(real.atRest(fd)).toBe(false);
    closeSync(writer);
    expect(real.atRest(fd)).toBe(true);
  }
  writeFileSync(space.path("f"), "x".repeat(4096));
  const mapping = Bun.mmap(space.path("f"), { shared: true });
  expect(mapping.length).toBe(4096);
  expect(real.atRest(fd)).toBe(false);
  expect(mapping[0]).toBe(0x78);
  closeSync(reader);
  real.close(fd);
});

test("asking disturbs neither those who write meanwhile nor this process", async () => {
  using space = workspace();
  writeFileSync(space.path("f"), "");
  const fd = open(space.path(""));
  const times = 5_000;
  const loop = `i=0; while [ $i -lt ${times} ]; do echo x >> f || exit 1; i=$((i+1)); done`;
  const writer = Bun.spawn(["sh", "-c", loop], { cwd: space.path(""), stderr: "pipe" });
  let over = false;
  writer.exited.then(() => {
    over = true;
  });
  const seen = new Set<boolean>();
  while (!over) {
    for (let i = 0; i < 2_000; i++) seen.add(real.atRest(fd));
    await Bun.sleep(0);
  }
  expect(writer.exitCode).toBe(0);
  expect([...seen].sort()).toEqual([false, true]);
  appendFileSync(space.path("f"), "x\n");
  expect(readFileSync(space.path("f"), "utf8")).toBe("x\n".repeat(times + 1));
  real.close(fd);
});
