import { expect, test } from "bun:test";
import { type ConsoleCommand, type PushCommand, parseConsoleLine } from "../../src/cli/console-command.ts";
import { parseHosts } from "../../src/cli/host-list.ts";

const NOTHING = { mode: "send", removes: "nothing", removesMax: undefined } as const;

function send(rest: Partial<PushCommand>): ConsoleCommand {
  return {
    kind: "push",
    verb: "send",
    paths: [],
    recursive: false,
    dryRun: false,
    hosts: undefined,
    task: NOTHING,
    group: undefined,
    ...rest,
  };
}

const sync = { verb: "sync", task: { ...NOTHING, removes: "missing" } } as const;
const dsync = { verb: "dsync", task: { mode: "prune", removes: "extra", removesMax: undefined } } as const;
const check = { verb: "check", task: { ...NOTHING, mode: "check" } } as const;
const invalid = (text: string): ConsoleCommand => ({ kind: "invalid", text });

const cases: [line: string, command: ConsoleCommand][] = [
  ["", { kind: "nothing" }],
  [" \t ", { kind: "nothing" }],
  ["send index.html", send({ paths: ["index.html"] })],
  ["send a b/c", send({ paths: ["a", "b/c"] })],
  ["send -r", send({ recursive: true })],
  ["send -rn", send({ recursive: true, dryRun: true })],
  ["send -t host3 -r hogehoge/", send({ recursive: true, hosts: ["host3"], paths: ["hogehoge/"] })],
  ["send -t a,b,,a x", send({ hosts: ["a", "b"], paths: ["x"] })],
  ["send -t h\xc3\xb6st x", send({ hosts: ["h\u00f6st"], paths: ["x"] })],
  ["send a\\ b", send({ paths: ["a b"] })],
  ["send a%20b", send({ paths: ["a%20b"] })],
  ["send -x a%20b%0A%FF", send({ paths: ["a b\n\xff"] })],
  ["send -x a%2", invalid("send: bad path")],
  ["send -x a%00", invalid("send: bad path")],
  ["send -- -r", send({ paths: ["-r"] })],
  ["send", invalid("send: a path or -r is needed")],
  ["send -n", invalid("send: a path or -r is needed")],
  ["send -q x", invalid("send: unknown option -q")],
  ["send -t", invalid("send: option -t needs a value")],
  ["send -t , x", invalid("send: option -t names no host")],
  ["send -g web x", send({ group: "web", paths: ["x"] })],
  ["send -g \\  x", send({ group: " ", paths: ["x"] })],
  ["send -rD", send({ recursive: true, task: { ...NOTHING, removes: "extra" } })],
  ["send -rD -m 12", send({ recursive: true, task: { mode: "send", removes: "extra", removesMax: 12 } })],
  ["send -r -m 1", invalid("send: option -m needs -D")],
  ["send -rD -m x", invalid("send: option -m needs a number from 0 to 4294967294")],
  ["send -rD -m 4294967295", invalid("send: option -m needs a number from 0 to 4294967294")],
  [
    "send -rD -m 4294967294",
    send({ recursive: true, task: { mode: "send", removes: "extra", removesMax: 4_294_967_294 } }),
  ],
  ["sync a b", send({ ...sync, paths: ["a", "b"] })],
  [
    "sync -rn -t h -g 33 a",
    send({ ...sync, recursive: true, dryRun: true, hosts: ["h"], group: "33", paths: ["a"] }),
  ],
  ["sync -rD", send({ verb: "sync", recursive: true, task: { ...NOTHING, removes: "extra" } })],
  [
    "sync -r -m 0",
    send({ verb: "sync", recursive: true, task: { mode: "send", removes: "missing", removesMax: 0 } }),
  ],
  ["sync", invalid("sync: a path or -r is needed")],
  ["dsync -r", send({ ...dsync, recursive: true })],
  ["dsync -n x", send({ ...dsync, dryRun: true, paths: ["x"] })],
  [
    "dsync -r -m 3",
    send({ verb: "dsync", recursive: true, task: { mode: "prune", removes: "extra", removesMax: 3 } }),
  ],
  ["dsync -g web x", invalid("dsync: unknown option -g")],
  ["dsync -D x", invalid("dsync: unknown option -D")],
  ["check -r", send({ ...check, recursive: true })],
  ["check -n -t h x", send({ ...check, dryRun: true, hosts: ["h"], paths: ["x"] })],
  ["check", invalid("check: a path or -r is needed")],
  ["check -g web x", invalid("check: unknown option -g")],
  ["md5", invalid("md5: a path or -r is needed")],
  ["md5 -r a", send({ ...check, recursive: true, paths: ["a"] })],
  ["members", { kind: "members" }],
  ["members x", invalid("members takes no words")],
  ["status", { kind: "status" }],
  ["exclude add *.swp", { kind: "exclude", action: "add", patterns: ["*.swp"] }],
  ["exclude add a\\ b c\\*d", { kind: "exclude", action: "add", patterns: ["a b", "c\\*d"] }],
  ["exclude add -x %FF%20 b", { kind: "exclude", action: "add", patterns: ["\xff ", "b"] }],
  ["exclude add -x", { kind: "exclude", action: "add", patterns: ["-x"] }],
  ["exclude add -x %", invalid("exclude: bad pattern")],
  ["exclude add", invalid("exclude: a pattern is needed")],
  ["exclude del -x %FF", { kind: "exclude", action: "del", patterns: ["\xff"] }],
  ["exclude del", invalid("exclude: a pattern is needed")],
  ["exclude list", { kind: "exclude", action: "list" }],
  ["exclude list x", invalid("exclude: list takes no words")],
  ["exclude clear", { kind: "exclude", action: "clear" }],
  ["exclude clear x", invalid("exclude: clear takes no words")],
  ["exclude", invalid("exclude: add, del, list or clear is needed")],
  ["exclude ADD x", invalid("exclude: add, del, list or clear is needed")],
  ["loglevel", { kind: "loglevel", level: undefined }],
  ["loglevel 2", { kind: "loglevel", level: 2 }],
  ["loglevel 10", invalid("loglevel: a number from 0 to 9 is needed")],
  ["loglevel -1", invalid("loglevel: a number from 0 to 9 is needed")],
  ["loglevel 1 2", invalid("loglevel: a number from 0 to 9 is needed")],
  ["alive", { kind: "alive", on: undefined }],
  ["alive on", { kind: "alive", on: true }],
  ["alive off", { kind: "alive", on: false }],
  ["alive maybe", invalid("alive: on or off is needed")],
  ["alive on off", invalid("alive: on or off is needed")],
  ["echo  a   b", { kind: "echo", text: "a b" }],
  ["json", { kind: "json" }],
  ["json x", invalid("json takes no words")],
  ["help", { kind: "help" }],
  ["quit", { kind: "quit" }],
  ["exit", { kind: "quit" }],
  ["bye", { kind: "quit" }],
  ["SEND x", { kind: "unknown", word: "SEND" }],
  ["nonsense -r", { kind: "unknown", word: "nonsense" }],
];

test.each(cases)("%j", (line, command) => {
  expect(parseConsoleLine(line)).toEqual(command);
});

test("hosts are told apart by commas, each once", () => {
  expect(parseHosts("b,a,b")).toEqual(["b", "a"]);
  expect(parseHosts(",,")).toEqual([]);
});

test("one push names 65,536 paths at most", () => {
  const most = parseConsoleLine(`send${" a".repeat(65_536)}`);
  expect(most.kind === "push" && most.paths.length).toBe(65_536);
  expect(parseConsoleLine(`send${" a".repeat(65_537)}`)).toEqual(invalid("send: more than 65536 paths"));
});

test("one push names 4,096 hosts at most", () => {
  const names = (count: number) => Array.from({ length: count }, (_, i) => `h${i}`).join();
  const most = parseConsoleLine(`send -t ${names(4_096)} a`);
  expect(most.kind === "push" && most.hosts?.length).toBe(4_096);
  expect(parseConsoleLine(`send -t ${names(4_097)} a`)).toEqual(
    invalid("send: option -t names more than 4096 hosts"),
  );
});
