/** The client's own parts: the stream in pieces of any size, and every line that is described. */
import { describe, expect, test } from "bun:test";
import { parseMembers, parseResult, parseStatus } from "./answers.ts";
import { PASSWORD_QUESTION, type Piece, StreamSplitter } from "./stream.ts";

function split(text: string, size: number): Piece[] {
  const splitter = new StreamSplitter();
  const bytes = Buffer.from(text, "utf8");
  const pieces: Piece[] = [];
  for (let at = 0; at < bytes.length; at += size)
    pieces.push(...splitter.push(bytes.subarray(at, at + size)));
  return pieces;
}

describe("the stream", () => {
  test.each([1, 2, 3, 7, 1_000])("in chunks of %d bytes", (size) => {
    const line = (text: string): Piece => ({ kind: "line", text });
    const prompt: Piece = { kind: "prompt" };
    expect(split("> a > b\n> > ü\n> ", size)).toEqual([
      prompt,
      line("a > b"),
      prompt,
      prompt,
      line("ü"),
      prompt,
    ]);
    expect(split(`${PASSWORD_QUESTION}sorry.\n`, size)).toEqual([{ kind: "question" }, line("sorry.")]);
    expect(split(`${PASSWORD_QUESTION}> password: a\n`, size)).toEqual([
      { kind: "question" },
      prompt,
      line("password: a"),
    ]);
  });
});

describe("answers", () => {
  test.each([
    ["alive", { kind: "alive" }],
    ["update h2:a b:c", { kind: "update", host: "h2", file: "a b:c", dryrun: false }],
    ["(dryrun) update h2:a", { kind: "update", host: "h2", file: "a", dryrun: true }],
    ["delete h2:a", { kind: "delete", host: "h2", file: "a", dryrun: false }],
    ["(dryrun) delete h2:a", { kind: "delete", host: "h2", file: "a", dryrun: true }],
    ["(dryrun) [update:a]]", { kind: "preview", action: "update", file: "a]" }],
    ["(dryrun) [delete:a]", { kind: "preview", action: "delete", file: "a" }],
    ["delete error (not (here)) h2:a", { kind: "deleteError", text: "not (here)", host: "h2", file: "a" }],
    ["skip   h2:a", { kind: "skip", host: "h2", file: "a" }],
    ["skipro h2:a", { kind: "skipro", host: "h2", file: "a" }],
    ["h2: OK a", { kind: "check", verdict: "OK", host: "h2", file: "a" }],
    ["h2: NG a", { kind: "check", verdict: "NG", host: "h2", file: "a" }],
    ["h2 is not contained in members", { kind: "stranger", host: "h2" }],
    ["error: receive time out: 10.0.0.2(h2)", { kind: "lost", address: "10.0.0.2", host: "h2" }],
    ["error: no space left h2:a b", { kind: "hostError", text: "no space left", host: "h2", file: "a b" }],
    ["error: this server can't send", { kind: "error", text: "this server can't send" }],
    ["mexec: command error 'x'", { kind: "unknown", word: "x" }],
    ["skip: unix domain socket a", { kind: "other", text: "skip: unix domain socket a" }],
  ] as const)("%s", (line, result) => {
    expect(parseResult(line)).toEqual(result);
  });

  test("members and status", () => {
    const lines = ["a   10.0.0.1   (Ver1.2.3)", "bcd 10.0.0.100 (Ver1.2.3)", "Total: 2 members"];
    expect(parseMembers(lines)).toMatchObject({ total: 2, aligned: true });
    expect(parseMembers(["a 10.0.0.1 (Ver1.2.3)", ...lines.slice(1)])?.aligned).toBe(false);
    expect(parseMembers(["what else"])).toBeUndefined();
    expect(parseStatus(["command : 1", "  send -r", "send op : 0"])).toEqual([
      { name: "command ", value: "1", items: ["send -r"] },
      { name: "send op ", value: "0", items: [] },
    ]);
    expect(parseStatus(["  an item of nothing"])).toBeUndefined();
  });
});
