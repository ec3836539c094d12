/**
 * `make demo`: a cluster of four hosts on this machine, worked with as an operator would. Prints each command with its answer; ends with status 1
 * if a tree is not equal in the end.
 */
import { existsSync } from "node:fs";
import { differences } from "./judge.ts";
import { type Host, Lab } from "./lab.ts";
import { must } from "./run.ts";

const HOSTS = 4;
/** A real tree: the first of these that this machine has. */
const TREES = ["/usr/include", "/usr/share/doc", "/etc"];
const bold = (text: string): string => (process.stdout.isTTY ? `\x1b[1m${text}\x1b[0m` : text);

const started = performance.now();
let failures = 0;
await demo();
say(failures === 0 ? `Done in ${seconds(performance.now() - started)}; nothing is left behind.` : "FAILED");
process.exit(failures === 0 ? 0 : 1);

async function demo(): Promise<void> {
  say(`Four hosts in network namespaces of this machine, on one switch: host1 to host${HOSTS}.`);
  await using lab = await Lab.create({ hosts: HOSTS });
  const host1 = lab.host(1);
  const others = lab.hosts.slice(1);
  for (const host of lab.hosts) await host.provideVarWww();

  say("A daemon on each. Nobody gets a list of hosts: they find each other.");
  for (const host of lab.hosts) show(host, "makuosan -b /var/www &");
  const daemons = await lab.startAll({ base: "/var/www" });
  await type(host1, "msync --members");

  const tree = TREES.find((path) => existsSync(path)) ?? "/etc";
  say(`A real tree on host1 (${tree}), and what a push would do.`);
  await type(host1, `cp -a ${tree} /var/www/tree`);
  await type(host1, "find /var/www | wc -l; du -sh --apparent-size /var/www");
  await type(host1, "msync -r -n | wc -l");

  say("The push, to all hosts at once.");
  await type(host1, "msync -r");
  await prove(host1, others);

  say("One file changes. Only that one is sent.");
  await type(host1, "echo 'welcome to all of you' > /var/www/tree/welcome.txt");
  await type(host1, "msync -r -v");
  await type(others[1] ?? host1, "cat /var/www/tree/welcome.txt");

  say("A host dies, unnoticed, just before the next push. It is named; the others are not held up.");
  await type(host1, "head -c 20000000 /dev/urandom > /var/www/noise");
  show(others[2] ?? host1, "kill -9 $(pidof makuosan)");
  daemons[3]?.killNow();
  await type(host1, "msync -r");
  await prove(host1, others.slice(0, 2));

  say("It comes back, and one more push brings it up to date.");
  show(others[2] ?? host1, "makuosan -b /var/www &");
  await lab.host(4).daemon({ base: "/var/www" });
  await lab.settled(lab.hosts);
  await type(host1, "msync -r -t host4");
  await prove(host1, others);
}

/** Runs a line in a host and shows both. A status that is not 0 is shown, too. */
async function type(host: Host, line: string): Promise<void> {
  show(host, line);
  const result = await host.exec(["sh", "-c", line]);
  const text = result.stdout + result.stderr;
  if (text !== "") process.stdout.write(text.replace(/^/gm, "    ").replace(/ +$/, ""));
  const status = result.status === 0 ? "" : `exit status ${result.status}, `;
  if (line.startsWith("msync")) console.log(`    [${status}${seconds(result.ms)}]`);
}

/** Lets rsync compare the trees, byte for byte. */
async function prove(original: Host, copies: readonly Host[]): Promise<void> {
  console.log(
    `\n${bold("judge")} rsync -aHn --checksum --delete --itemize-changes host1:/var/www/ HOST:/var/www/`,
  );
  for (const copy of copies) {
    const found = await differences(original.path(), copy.path());
    if (found.length > 0) failures += 1;
    const files = (await must(["find", copy.path(), "-mindepth", "1"])).split("\n").length - 1;
    console.log(
      `    ${copy.name}: ${files} entries, ${found.length === 0 ? "all equal" : `${found.length} DIFFER`}`,
    );
    for (const line of found.slice(0, 10)) console.log(`      ${line}`);
  }
}

function show(host: Host, line: string): void {
  console.log(`\n${bold(`${host.name}:~#`)} ${line}`);
}

function say(text: string): void {
  console.log(`\n${bold(`== ${text}`)}`);
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(2)} s`;
}
