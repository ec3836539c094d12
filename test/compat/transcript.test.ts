/** The parts that compare what a console says with what it should say. */
import { expect, test } from "bun:test";
import fc from "fast-check";
import { comparable } from "./answers.ts";
import { parseTranscript, printTranscript, type Step, splitSaid } from "./transcript.ts";
import { withoutValues } from "./values.ts";

const bytes = fc.uint8Array({ maxLength: 30 }).map((array) => Buffer.from(array).toString("latin1"));

test("a transcript is read as it was written", () => {
  const word = fc.stringMatching(/^[a-z0-9-]{1,8}$/);
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc.record({ kind: fc.constant("client" as const), bytes }),
    fc.record({ kind: fc.constant("use" as const), name: word }),
    fc.record({ kind: fc.constant("signal" as const), host: word, signal: word }),
    fc.record({ kind: fc.constant("daemon" as const), host: word, args: fc.array(word) }),
    fc.record({ kind: fc.constant("shell" as const), host: word, line: word, printed: fc.array(word) }),
    fc.record({
      kind: fc.constant("server" as const),
      said: fc.array(bytes, { minLength: 1 }),
      ends: fc.boolean(),
    }),
  );
  // Two answers without anything between them are one.
  const steps = fc
    .array(step)
    .map((all) => all.filter(({ kind }, at) => kind !== "server" || all[at - 1]?.kind !== "server"));
  fc.assert(
    fc.property(steps, (written) => {
      expect(parseTranscript(printTranscript(written))).toEqual(written);
    }),
  );
});

test.each(["S", 'S "a', 'S "a\\q"', "C a", "connect", "frob host1", "| stray", 'S end\nS "> "', 'S "\xff"'])(
  "%j is none",
  (text) => {
    expect(() => parseTranscript(text)).toThrow("is no step");
  },
);

test("bytes are lines and turns, whatever they are", () => {
  expect(splitSaid("> a\n> b\n\n> ")).toEqual(["> ", "a\n", "> ", "b\n", "\n", "> "]);
  expect(splitSaid("password: \x1bEsorry.\n")).toEqual(["password: \x1bE", "sorry.\n"]);
  fc.assert(fc.property(bytes, (said) => expect(splitSaid(said).join("")).toBe(said)));
});

const values = { pid: 17, version: "2.0.0" };
const answer = (wanted: readonly string[], said: string, ...asked: string[]) =>
  comparable(splitSaid(said), { asked, wanted, values });

test("results of hosts come in any order, but each as often as it should, in its own answer", () => {
  const wanted = ["update a:x\n", "update b:x\n", "> ", "skip   a:x\n", "> "];
  const asked = ["send -r", "  check x"] as const;
  const same = (said: string) => {
    const got = answer(wanted, said, ...asked);
    return got.length === wanted.length && got.every((piece, at) => piece === wanted[at]);
  };
  expect(same("update a:x\nupdate b:x\n> skip   a:x\n> ")).toBe(true);
  expect(same("update b:x\nupdate a:x\n> skip   a:x\n> ")).toBe(true);
  for (const wrong of [
    "update b:x\n> skip   a:x\n> ",
    "update a:x\nupdate b:x\nupdate b:x\n> skip   a:x\n> ",
    "update a:x\nupdate b:x\nupdate c:x\n> skip   a:x\n> ",
    "update a:x\n> update b:x\nskip   a:x\n> ",
    "update a:x\nupdate b:x\nskip   a:x\n> ",
    "update a:x\nupdate b:x\n> skip   a:x\n",
    "update a:x\nupdate b:x\n> skip   a:x\n> > ",
    "update a:x\nupdate b:x\n> skip   a:x\n> late",
    "update a:x\nupdate b:x \n> skip   a:x\n> ",
  ])
    expect(same(wrong)).toBe(false);
});

test("all other answers have their order", () => {
  const wanted = ["a\n", "b\n", "> "];
  for (const command of ["members", "exclude list", "echo send", "status"])
    expect(answer(wanted, "b\na\n> ", command)).toEqual(["b\n", "a\n", "> "]);
});

test("how often alive is said does not matter, but that it is does", () => {
  const wanted = ["alive\n", "> "];
  expect(answer(wanted, "alive\nalive\nalive\n> ", "send -r")).toEqual(wanted);
  expect(answer(wanted, "> ", "send -r")).toEqual(["> "]);
});

test("words stand for values only where these are what they must be", () => {
  const word = (line: string) => withoutValues(line, values);
  expect(word("process : 17\n")).toBe("process : {pid}\n");
  expect(word("version : 2.0.0\n")).toBe("version : {version}\n");
  expect(word("host2 10.0.0.2 (Ver2.0.0)\n")).toBe("host2 10.0.0.2 (Ver{version})\n");
  expect(word("recvsize: 212992\n")).toBe("recvsize: {bytes}\n");
  expect(word("sendrate: 0.9/800\n")).toBe("sendrate: {rate}/800\n");
  expect(word("  push 7 content to 3 hosts, 1 block\n")).toBe(
    "  push {number} {phase} to 3 hosts, {blocks}\n",
  );
  const flow = "190.4 Mbit/s, window 256 packets (384000 bytes), round trip 15.1 ms";
  expect(word(`  push 7 content to 3 hosts, 12 blocks, ${flow}, limited by network\n`)).toBe(
    "  push {number} {phase} to 3 hosts, {blocks}\n",
  );
  expect(word("  push 7 from host1 receiving, 12 blocks\n")).toBe(
    "  push {number} from host1 {phase}, {blocks}\n",
  );
  for (const other of [
    "process : 18\n",
    "process: 17\n",
    "version : 2.0.1\n",
    "host2 10.0.0.2 (Ver1.3.6)\n",
    "recvsize: 0\n",
    "recvsize: many\n",
    "sendrate: 1\n",
    "push 7 content to 3 hosts, 1 block\n",
  ])
    expect(word(other)).toBe(other);
  expect(answer([], "a : 1\nnaks : 2\nsent x : 3\nrecv op : 0\n> ", "status")).toEqual([
    "{counters}\n",
    "recv op : 0\n",
    "> ",
  ]);
  expect(answer([], "naks : 2\n> ", "echo")).toEqual(["naks : 2\n", "> "]);
});
