/**
 * Many consoles at once, of one daemon, as a program to be run on its host: `bun console-load.ts SECONDS CONSOLES UNIX_SOCKET BASE HOST…`. Half of the
 * consoles come by TCP, half by the unix socket; half speak text, half JSON. Each asks for members, for the status, and pushes a file of its own
 * again and again, sometimes several commands in one write, and judges every answer. The hosts are all other members. Prints a report as JSON.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { Lines } from "./console-lines.ts";

/** What was asked, and the answers that were not right. */
export type LoadReport = {
  readonly members: number;
  readonly statuses: number;
  readonly pushes: number;
  readonly echoes: number;
  readonly wrong: readonly string[];
  /** Most milliseconds between a question for members and its answer. */
  readonly membersMsMax: number;
};

const [seconds = "0", consoles = "0", socket = "", base = "", ...hosts] = process.argv.slice(2);
const end = performance.now() + Number(seconds) * 1_000;
const counts = { members: 0, statuses: 0, pushes: 0, echoes: 0, membersMsMax: 0 };
const wrong: string[] = [];

mkdirSync(`${base}/consoles`, { recursive: true });
const clients = Array.from({ length: Number(consoles) }, (_, i) => {
  const way = i % 2 === 0 ? connect({ host: "127.0.0.1", port: 5000 }) : connect({ path: socket });
  return i % 4 < 2 ? textClient(i, new Lines(way)) : jsonClient(i, new Lines(way));
});
await Promise.all(clients.map((client) => client.catch((error: unknown) => wrong.push(String(error)))));
const report: LoadReport = { ...counts, wrong: wrong.slice(0, 20) };
console.log(JSON.stringify(report));

function check(what: string, right: boolean, answer: unknown): void {
  if (!right) wrong.push(`${what}: ${JSON.stringify(answer).slice(0, 600)}`);
}

/** Puts something new into a console's own file. Returns its path from the base. */
function renew(client: number, round: number): string {
  const path = `consoles/${client}`;
  writeFileSync(`${base}/${path}`, `${client} ${round}\n`.repeat(1 + (round % 40)));
  return path;
}

async function textClient(client: number, lines: Lines): Promise<void> {
  check("prompt", (await lines.answer()).length === 0, client);
  lines.send("loglevel 1\n");
  check("loglevel", (await lines.answer()).length === 0, client);
  for (let round = 0; performance.now() < end; round++) {
    switch ((client + round) % 4) {
      case 0:
        await textMembers(lines);
        break;
      case 1:
        lines.send("status\n");
        judgeStatus(await lines.answer());
        break;
      case 2:
        await textPush(lines, renew(client, round));
        break;
      default:
        await textAtOnce(lines, renew(client, round), `${client} ${round}`);
    }
  }
  check("nothing more", lines.empty, client);
  lines.close();
}

async function textMembers(lines: Lines): Promise<void> {
  const asked = performance.now();
  lines.send("members\n");
  judgeMembers(await lines.answer());
  counts.membersMsMax = Math.max(counts.membersMsMax, performance.now() - asked);
}

async function textPush(lines: Lines, path: string): Promise<void> {
  lines.send(`send ${path}\n`);
  judgeUpdates(path, await lines.answer());
  // The same again is nothing to do.
  lines.send(`send -n ${path}\n`);
  const again = await lines.answer();
  check(`again ${path}`, again.length === 0, again);
}

/** Five commands in one write: five answers, in their order. */
async function textAtOnce(lines: Lines, path: string, word: string): Promise<void> {
  lines.send(`echo ${word}\nmembers\nsend ${path}\nstatus\necho ${word} end\n`);
  const first = await lines.answer();
  check("echo", first.length === 1 && first[0] === word, first);
  judgeMembers(await lines.answer());
  judgeUpdates(path, await lines.answer());
  judgeStatus(await lines.answer());
  const last = await lines.answer();
  check("echo", last.length === 1 && last[0] === `${word} end`, last);
  counts.echoes += 2;
}

function judgeMembers(answer: readonly string[]): void {
  counts.members += 1;
  const names = answer
    .slice(0, -1)
    .map((line) => /^(\S+) +\d+\.\d+\.\d+\.\d+ +\(Ver\d+\.\d+\.\d+\)$/.exec(line)?.[1]);
  const right = names.join() === hosts.join() && answer.at(-1) === `Total: ${hosts.length} members`;
  check("members", right, answer);
}

function judgeStatus(answer: readonly string[]): void {
  counts.statuses += 1;
  const shape = answer.every((line) => /^(?:[^:]+ *: ?.*| {2}\S.*)$/.test(line));
  check("status", shape && /^process : \d+$/.test(answer[0] ?? ""), answer);
  // Each list has as many items as it says; the question itself is one of the commands.
  for (const name of ["command", "send op", "recv op"]) {
    const at = answer.findIndex((line) => line.startsWith(`${name} : `));
    const stated = Number(answer[at]?.slice(name.length + 3));
    let items = 0;
    while (answer[at + 1 + items]?.startsWith("  ") === true) items += 1;
    check(`status, ${name}`, at > 0 && stated === items && (name !== "command" || items > 0), answer);
  }
}

function judgeUpdates(path: string, answer: readonly string[]): void {
  counts.pushes += 1;
  const wanted = hosts.map((host) => `update ${host}:${path}`).join();
  check(`send ${path}`, [...answer].sort().join() === wanted, answer);
}

type Event = { readonly event: string; readonly id?: number } & Readonly<Record<string, unknown>>;

async function jsonClient(client: number, lines: Lines): Promise<void> {
  await lines.answer();
  lines.send("json\n");
  const hello = JSON.parse(await lines.line()) as Event;
  check("hello", hello.event === "hello" && hello.protocol === 1, hello);
  for (let round = 0, id = 1; performance.now() < end; round++, id += 3) {
    const path = renew(client, round);
    const requests = [
      { request: "members", id },
      { request: "status", id: id + 1 },
      {
        request: "push",
        id: id + 2,
        paths: [path],
        recursive: false,
        files: true,
        progress: round % 2 === 0,
      },
    ];
    // All at once, or one after the other.
    const batches = round % 3 === 0 ? [requests] : requests.map((request) => [request]);
    for (const batch of batches) {
      const answers = await askJson(lines, batch);
      for (const request of batch) judgeEvents(request.request, path, answers.get(request.id) ?? []);
    }
  }
  check("nothing more", lines.empty, client);
  lines.close();
}

type Request = { readonly request: string; readonly id: number };

/** Sends requests in one write, and returns the events of each when all have had their last one. */
async function askJson(lines: Lines, requests: readonly Request[]): Promise<Map<number, Event[]>> {
  const answers = new Map<number, Event[]>(requests.map(({ id }) => [id, []]));
  const open = new Set(answers.keys());
  lines.send(requests.map((request) => `${JSON.stringify(request)}\n`).join(""));
  while (open.size > 0) {
    const event = JSON.parse(await lines.line()) as Event;
    const { id = 0 } = event;
    check("an event for what was asked", open.has(id), event);
    answers.get(id)?.push(event);
    if (["members", "status", "error", "finished"].includes(event.event)) open.delete(id);
  }
  return answers;
}

function judgeEvents(request: string, path: string, events: readonly Event[]): void {
  const [first] = events;
  if (request === "push") judgePush(path, events);
  else if (request === "members") {
    counts.members += 1;
    const members = first?.members as { name: string }[] | undefined;
    check(
      "json members",
      members
        ?.map(({ name }) => name)
        .sort()
        .join() === hosts.join(),
      events,
    );
  } else {
    counts.statuses += 1;
    const status = first?.status as { process?: unknown; base?: unknown; commands?: unknown[] } | undefined;
    const right =
      typeof status?.process === "number" && status.base === base && Array.isArray(status.commands);
    check("json status", right, events);
  }
}

function judgePush(path: string, events: readonly Event[]): void {
  counts.pushes += 1;
  const of = (event: string) => events.filter((one) => one.event === event);
  const told = (list: readonly Event[], what: (event: Event) => unknown) => list.map(what).sort().join();
  const all = hosts.join();
  const updates = of("files").filter(({ action }) => action === "update");
  const last = events.at(-1);
  const right =
    events[0]?.event === "started" &&
    [...(events[0].hosts as string[])].sort().join() === all &&
    told(of("need"), ({ host, updates: count }) => `${host} ${count}`) ===
      hosts.map((host) => `${host} 1`).join() &&
    told(updates, ({ host, paths }) => `${host}:${paths}`) ===
      hosts.map((host) => `${host}:${path}`).join() &&
    told(of("outcome"), ({ host, outcome }) => `${host} ${outcome}`) ===
      hosts.map((host) => `${host} complete`).join() &&
    last?.event === "finished" &&
    last.ok === true;
  check(`json push ${path}`, right, events);
}
