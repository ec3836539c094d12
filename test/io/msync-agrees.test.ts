/** msync, from JSON, prints what the text console prints, from the same events of the engine. */
import { afterEach, beforeEach, expect, test } from "bun:test";
import type { EngineEvent } from "../../src/engine/ports.ts";
import type { PushLine } from "../../src/io/push-lines.ts";
import { type Fixture, keyOf, openClient, openFixture } from "./console-fixture.ts";
import { startMsync } from "./msync-fixture.ts";

let fixture: Fixture;
beforeEach(() => {
  fixture = openFixture();
});
afterEach(() => fixture.close());

const address = { ip: 0x0a000002, port: 9 };

/** A push with everything that can be told of one. */
function play(request: number, push: number): void {
  const key = keyOf(push);
  const event = (what: EngineEvent) => fixture.event(what);
  const line = (what: PushLine) => fixture.engine.onLines(key, [what]);
  event({
    kind: "started",
    request,
    key,
    hosts: ["host2", "host3", "h\u00f6st", "host5"],
    readOnly: ["deaf"],
  });
  line({ kind: "problem", path: "x\n", text: "error: cannot read (Permission denied):" });
  line({ kind: "problem", path: "s", text: "skip: unix domain socket" });
  line({ kind: "names", host: "host2", updated: ["a", "d\x1b/\xff"], skipped: ["c"] });
  line({ kind: "names", host: "deaf", updated: [], skipped: ["a", "c"] });
  line({ kind: "names", host: "h\u00f6st", updated: ["a"], skipped: ["\xc3\xa4"] });
  event({ kind: "removals", request, host: "host2", paths: [Buffer.from("old"), Buffer.from([0xff])] });
  event({ kind: "need", request, host: "host2", updates: 2, removals: 2 });
  event({ kind: "outcome", request, host: "host2", address, outcome: { kind: "complete", updates: 4 } });
  event({ kind: "outcome", request, host: "host3", address, outcome: { kind: "lost", text: "silent" } });
  event({
    kind: "outcome",
    request,
    host: "h\u00f6st",
    address,
    outcome: { kind: "failed", text: "errno 28" },
  });
  line({ kind: "failure", host: "h\u00f6st", path: "d/a", text: "cannot write: No space left on device" });
  event({ kind: "outcome", request, host: "host5", address, outcome: { kind: "refused", text: "in use" } });
  fixture.engine.onSourceClosed(key);
  event({ kind: "finished", request });
}

const ways = ["send -r", "send -r -n", "sync x", "sync -n x", "check -r"].flatMap((command) =>
  [0, 1, 2, 3].map((level) => ({ command, level })),
);

test.each(ways)("$command at level $level", async ({ command, level }) => {
  const client = await openClient(fixture.port);
  client.send(`loglevel ${level}\n${command}\nquit\n`);
  play((await fixture.taken("push")).request, 1);
  const said = (await client.rest())
    .replaceAll("> ", "")
    .split("\n")
    .filter((text) => text !== "");
  const [word = "", ...rest] = command.split(" ");
  const run = startMsync(
    fixture.port,
    "-l",
    String(level),
    ...(word === "send" ? [] : [`--${word}`]),
    ...rest,
  );
  play((await fixture.taken("push")).request, 2);
  expect(await run.status).toBe(1);
  const isError = (text: string) => text.startsWith("error:");
  expect(said.filter(isError).length).toBeGreaterThan(3);
  expect(run.stderr).toEqual(said.filter(isError));
  expect(run.stdout).toEqual(said.filter((text) => !isError(text)));
});
