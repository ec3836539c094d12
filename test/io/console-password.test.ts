import { afterEach, beforeEach, expect, test } from "bun:test";
import { type Fixture, openClient, openFixture } from "./console-fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = openFixture({ password: new Uint8Array(Buffer.from("s\xff cret", "latin1")) });
});
afterEach(() => fixture.close());

const ask = "password: \x1bE";

test("the right password, of any bytes, opens the console; what comes in the same write is done", async () => {
  const client = await openClient(fixture.port);
  await client.expect(ask);
  client.send("s\xff cret\r\necho 1\necho 2\n");
  await client.expect("> 1\n> 2\n> ");
  const pipelined = await openClient(fixture.port);
  pipelined.send("s\xff cret\nmembers\nquit\n");
  await pipelined.expect(`${ask}> Total: 0 members\n> `);
  expect(await pipelined.rest()).toBe("");
});

const wrong: [what: string, guess: string][] = [
  ["another", "wrong"],
  ["none", ""],
  ["one more byte", "s\xff cret "],
  ["one byte less", "s\xff cre"],
  ["a command", "members"],
  ["a line that is too long", "x".repeat(5_000)],
];

test.each(wrong)("a wrong one ends it, and nothing behind it is done: %s", async (_, guess) => {
  const client = await openClient(fixture.port);
  client.send(`${guess}\ns\xff cret\nmembers\n`);
  expect(await client.rest()).toBe(`${ask}sorry.\n`);
  expect(fixture.commands).toEqual([]);
});

test("whoever hangs up before the password is let go, and one who sends it first is answered", async () => {
  const silent = await openClient(fixture.port);
  silent.socket.end();
  expect(await silent.rest()).toBe(ask);
  const brief = await openClient(fixture.port);
  brief.socket.end(Buffer.from("s\xff cret\necho 1\nmembers\n", "latin1"));
  expect(await brief.rest()).toBe(`${ask}> 1\n> Total: 0 members\n> `);
});

test("the machine's console is behind it, too", async () => {
  const client = await openClient(fixture.port);
  client.send("json\n");
  expect(await client.rest()).toBe(`${ask}sorry.\n`);
});
