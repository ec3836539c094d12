/**
 * Consoles that ask for much and do not read, as a program to be run on the daemon's host: `bun console-deaf.ts UNIX_SOCKET QUESTIONS PUSHERS`. Half come
 * by TCP, half by the unix socket. One of each asks so many questions; the pushers ask what a push of everything would change. Prints a line when all is
 * asked. When its input ends, it reads what there is, and prints a report as JSON.
 */
import { connect, type Socket } from "node:net";
import { Lines } from "./console-lines.ts";

/** What the consoles read in the end. */
export type DeafReport = {
  /** Of each that asked questions: how many answers it got, of how many different texts; null: it was dropped, as below. */
  readonly talkers: readonly ({ readonly answers: number; readonly different: number } | null)[];
  /** Of each pusher: the lines about hosts, and how its answers ended; null: it was dropped. */
  readonly pushers: readonly ({ readonly lines: number; readonly end: string } | null)[];
};

/** How the answers of a pusher end. */
const LAST = "> the end\n> ";
const [path = "", questions = "0", pushers = "0"] = process.argv.slice(2);
const talking = open(2);
const pushing = open(Number(pushers));
await Promise.all([...talking, ...pushing].map(({ opened }) => opened));
for (const { socket } of talking) socket.write("help\n".repeat(Number(questions)));
for (const { socket } of pushing) socket.write("loglevel 2\nsend -r -n\necho the end\n");
console.log("asked");
await Bun.stdin.text();
const [talkers, heard] = await Promise.all([
  Promise.all(talking.map(({ socket }) => hearTalker(socket).catch(() => null))),
  Promise.all(pushing.map(({ socket }) => hearPusher(socket))),
]);
const report: DeafReport = { talkers, pushers: heard };
console.log(JSON.stringify(report));
process.exit(0);

/** Connections that are not read. */
function open(count: number): { socket: Socket; opened: Promise<void> }[] {
  return Array.from({ length: count }, (_, i) => {
    const socket = i % 2 === 0 ? connect({ host: "127.0.0.1", port: 5000 }) : connect({ path });
    socket.pause();
    socket.on("error", () => {});
    return { socket, opened: new Promise((resolve) => socket.once("connect", () => resolve())) };
  });
}

async function hearTalker(socket: Socket): Promise<{ answers: number; different: number }> {
  const lines = new Lines(socket);
  await lines.answer();
  const texts = new Set<string>();
  let answers = 0;
  for (; answers < Number(questions); answers++) texts.add((await lines.answer()).join("\n"));
  return { answers, different: texts.size };
}

/** Gathers all of it first: it may be much. */
async function hearPusher(socket: Socket): Promise<{ lines: number; end: string } | null> {
  const chunks: Buffer[] = [];
  const { promise, resolve } = Promise.withResolvers<"whole" | "dropped">();
  socket.on("close", () => resolve("dropped"));
  if (socket.destroyed) resolve("dropped");
  socket.on("data", (chunk: Buffer) => {
    chunks.push(chunk);
    const tail = Buffer.concat(chunks.slice(-2)).toString("latin1");
    if (tail.endsWith(LAST)) resolve("whole");
  });
  socket.resume();
  if ((await promise) === "dropped") return null;
  const text = Buffer.concat(chunks).toString("latin1");
  const told = text
    .split("\n")
    .filter((line) => /^(?:> > )?(?:\(dryrun\) update|skip {2}) host\d:/.test(line));
  return { lines: told.length, end: text.slice(-LAST.length) };
}
