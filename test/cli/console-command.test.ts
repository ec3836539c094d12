import { expect, test } from "bun:test";
import { type ConsoleCommand, parseConsoleLine, parseHosts } from "../../src/cli/console-command.ts";

function send(rest: Partial<Extract<ConsoleCommand, { kind: "send" }>>): ConsoleCommand {
  return { kind: "send", paths: [], recursive: false, dryRun: false, hosts: undefined, ...rest };
}

const cases: [line: string, command: ConsoleCommand][] = [
  ["", { kind: "nothing" }],
  ["  ", { kind: "nothing" }],
  ["send index.html", send({ paths: ["index.html"] })],
  ["send a b/c", send({ paths: ["a", "b/c"] })],
  ["send -r", send({ recursive: true })],
  ["send -rn", send({ recursive: true, dryRun: true })],
  ["send -t host3 -r hogehoge/", send({ recursive: true, hosts: ["host3"], paths: ["hogehoge/"] })],
  ["send -t a,b,,a x", send({ hosts: ["a", "b"], paths: ["x"] })],
  ["send -t h\xc3\xb6st x", send({ hosts: ["höst"], paths: ["x"] })],
  ["send a\\ b", send({ paths: ["a b"] })],
  ["send a%20b", send({ paths: ["a%20b"] })],
  ["send -x a%20b%0A%FF", send({ paths: ["a b\n\xff"] })],
  ["send -x a%2", { kind: "invalid", text: "send: bad path" }],
  ["send -- -r", send({ paths: ["-r"] })],
  ["send", { kind: "invalid", text: "send: a path or -r is needed" }],
  ["send -n", { kind: "invalid", text: "send: a path or -r is needed" }],
  ["send -q x", { kind: "invalid", text: "send: unknown option -q" }],
  ["send -t", { kind: "invalid", text: "send: option -t needs a value" }],
  ["send -t , x", { kind: "invalid", text: "send: option -t names no host" }],
  ["send -g web x", { kind: "invalid", text: "send: option -g is not supported yet" }],
  ["members", { kind: "members" }],
  ["members x", { kind: "invalid", text: "members takes no words" }],
  ["status", { kind: "status" }],
  ["loglevel", { kind: "loglevel", level: undefined }],
  ["loglevel 2", { kind: "loglevel", level: 2 }],
  ["loglevel 10", { kind: "invalid", text: "loglevel: a number from 0 to 9 is needed" }],
  ["loglevel -1", { kind: "invalid", text: "loglevel: a number from 0 to 9 is needed" }],
  ["loglevel 1 2", { kind: "invalid", text: "loglevel: a number from 0 to 9 is needed" }],
  ["echo  a   b", { kind: "echo", text: "a b" }],
  ["help", { kind: "help" }],
  ["quit", { kind: "quit" }],
  ["exit", { kind: "quit" }],
  ["bye", { kind: "quit" }],
  ["sync -r", { kind: "unsupported", word: "sync" }],
  ["dsync", { kind: "unsupported", word: "dsync" }],
  ["check", { kind: "unsupported", word: "check" }],
  ["exclude list", { kind: "unsupported", word: "exclude" }],
  ["alive on", { kind: "unsupported", word: "alive" }],
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
