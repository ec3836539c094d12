import { readdirSync, readFileSync } from "node:fs";
import { Worker } from "node:worker_threads";
import { dropPrivileges, findGroup, findUser, setProcessName } from "../../src/io/shim.ts";

/** Names itself, starts a thread, gives up privileges, and prints what the kernel then says of every thread. */

setProcessName("drop-program-name");
const thread = new Worker("setInterval(() => {}, 1000)", { eval: true });
await new Promise((resolve) => thread.once("online", resolve));
const failed = dropPrivileges({ uid: 65_534, gid: 65_533, groups: [65_532, 65_531] });
const fields = readdirSync("/proc/self/task").map((task) => {
  const status = readFileSync(`/proc/self/task/${task}/status`, "latin1");
  return ["Uid", "Gid", "Groups", "CapEff"]
    .map((field) => status.match(`${field}:\\s*(.*?)\\s*\n`)?.[1] ?? "")
    .join(" | ");
});
console.log(
  JSON.stringify({
    failed,
    name: readFileSync("/proc/self/comm", "latin1").trim(),
    threads: fields.length,
    different: [...new Set(fields)],
    root: findUser("root"),
    number: findUser("4000000000"),
    tooLarge: findUser("4294967295"),
    nobody: findUser("no\0body"),
    group: findGroup("root"),
    noGroup: findGroup("x".repeat(300)),
  }),
);
process.exit(0);
