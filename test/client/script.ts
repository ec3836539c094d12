/** Every command, with the answers that it must get at each verbosity. */

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Host } from "../lab/lab.ts";
import { levelOf, parseMembers, parseResult, parseStatus, type Result } from "./answers.ts";
import type { Answer } from "./console-client.ts";
import { place } from "./rig.ts";

/** 0 to 3. */
export type Level = 0 | 1 | 2 | 3;

/** A command, and what of its answer is compared with what. Without `expected`, only that there is an answer. */
export type Step = {
  readonly line: string;
  readonly expected?: unknown;
  readonly read?: (answer: Answer) => unknown;
};

/** The group that the steps are written for: host1 sends, host2 and host3 receive, host4 never does (`-r`). */
const RECEIVERS = ["host2", "host3"];
const ALL = ["fresh", "older", "equal", "two words"];
const MODIFIED = ["fresh", "older", "two words"];

/** Makes the tree `folder` that the steps need, on all four hosts. */
export function plant(hosts: readonly Host[], folder: string): void {
  hosts.forEach((host, i) => {
    place(host, `${folder}/equal`, { text: "equal" });
    place(host, `${folder}/older`, { text: i === 0 ? "newer" : "older", time: 1_000_000_000 - i });
    place(host, `${folder}/kept.bak`, { text: i === 0 ? "kept" : "another" });
    if (i === 0) {
      place(host, `${folder}/fresh`, { text: "fresh" });
      place(host, `${folder}/two words`, { text: "2" });
    } else {
      place(host, `${folder}/gone`, { text: "gone" });
      place(host, `${folder}/stray`, { text: "stray" });
    }
  });
}

/** A file whose path has more bytes than 1,024, whose parts are allowed. Returns the path. */
export function plantLong(host: Host): string {
  const path = [..."abcdef"].map((letter) => letter.repeat(240)).join("/");
  mkdirSync(join(host.path(), path.slice(0, path.lastIndexOf("/"))), { recursive: true });
  place(host, path, { text: "long" });
  return path;
}

/** All commands but those that end the connection, for a tree that `plant` has made. */
export function steps(folder: string, level: Level): Step[] {
  return [
    { line: "echo first", expected: ["first"], read: (answer) => answer },
    { line: `loglevel ${level}` },
    { line: "alive on" },
    { line: "alive off" },
    ...aboutDaemon(),
    ...aboutExcludes(),
    ...sends(folder, level),
    ...deletions(folder, level),
    ...checks(folder, level),
    { line: "xyzzy", expected: ["mexec: command error 'xyzzy'"], read: (answer) => answer },
    { line: "SEND -r", expected: ["mexec: command error 'SEND'"], read: (answer) => answer },
    { line: "help", expected: true, read: (answer) => answer.length > 0 },
    { line: "echo last", expected: ["last"], read: (answer) => answer },
  ];
}

function aboutDaemon(): Step[] {
  return [
    {
      line: "members",
      expected: { names: ["host2", "host3", "host4"], total: 3, aligned: true },
      read: (answer) => {
        const found = parseMembers(answer);
        return (
          found && { names: found.members.map((m) => m.name), total: found.total, aligned: found.aligned }
        );
      },
    },
    { line: "status", expected: ["basedir : /srv/www/", ...STATUS_NAMES], read: readStatus },
  ];
}

const STATUS_NAMES = "process,version,basedir,mfalloc,recvsize,sendsize,command,send op,recv op".split(",");

/** The base, and the entries that are described, in their order; a count that is not that of its items is told. */
function readStatus(answer: Answer): readonly string[] {
  const base = answer.find((line) => line.startsWith("basedir : ")) ?? "no base";
  const names = answer.flatMap((line) => {
    const name = STATUS_NAMES.find((known) => line.startsWith(`${known.padEnd(8)}: `));
    return name === undefined ? [] : [name];
  });
  const counted = (parseStatus(answer) ?? []).filter((entry) =>
    /^(command|send op|recv op) *$/.test(entry.name),
  );
  const wrong = counted.filter((entry) => Number(entry.value) !== entry.items.length);
  return [
    base,
    ...names,
    ...wrong.map((entry) => `${entry.name}${entry.value}, but ${entry.items.length} items`),
  ];
}

/** Of these patterns, those that the list shows. */
function listed(...patterns: readonly string[]): (answer: Answer) => unknown {
  return (answer) => patterns.filter((pattern) => answer.some((line) => line.includes(pattern)));
}

function aboutExcludes(): Step[] {
  const read = listed("*.one", "two?", "*.bak");
  return [
    { line: "exclude add *.one" },
    { line: "exclude add two?" },
    { line: "exclude list", expected: ["*.one", "two?"], read },
    { line: "exclude del *.one" },
    { line: "exclude list", expected: ["two?"], read },
    { line: "exclude clear" },
    { line: "exclude list", expected: [], read },
    { line: "exclude add *.bak" },
    { line: "exclude list", expected: ["*.bak"], read },
  ];
}

function sends(folder: string, level: Level): Step[] {
  const updates = (hosts: readonly string[], files: readonly string[]) =>
    from(
      1,
      level,
      each(hosts, files, (host, file) => `update ${host}:${folder}/${file}`),
    );
  const skips = (hosts: readonly string[], files: readonly string[]) =>
    from(
      2,
      level,
      each(hosts, files, (host, file) => `skip   ${host}:${folder}/${file}`),
    );
  const refusals = (files: readonly string[]) =>
    from(
      3,
      level,
      each(["host4"], files, (host, file) => `skipro ${host}:${folder}/${file}`),
    );
  const dry =
    level === 0
      ? MODIFIED.map((file) => `(dryrun) [update:${folder}/${file}]`)
      : each(RECEIVERS, MODIFIED, (host, file) => `(dryrun) update ${host}:${folder}/${file}`);
  const read = relevant(folder, "send", level);
  // What a dry run says of equal files, and of hosts that do not receive, is not described.
  const readDry = relevant(
    folder,
    "send",
    level,
    (result) => result.kind === "preview" || isReceivers(result),
  );
  const step = (line: string, ...expected: readonly (readonly string[])[]): Step => ({
    line,
    expected: expected.flat().sort(),
    read,
  });
  return [
    { line: `send -r -n ${folder}`, expected: [...dry].sort(), read: (a) => withoutSkips(readDry(a)) },
    { line: `send -t stranger ${folder}/fresh`, expected: ["stranger is not contained in members"], read },
    step(`send -t host2 ${folder}/fresh`, updates(["host2"], ["fresh"])),
    step(`send ${folder}/two\\ words`, updates(RECEIVERS, ["two words"]), refusals(["two words"])),
    step(
      `send -r ${folder}`,
      updates(["host3"], ["fresh"]),
      updates(RECEIVERS, ["older"]),
      skips(["host2"], ["fresh"]),
      skips(RECEIVERS, ["equal", "two words"]),
      refusals(ALL),
    ),
    step(`sync -r ${folder}`, skips(RECEIVERS, ALL), refusals(ALL)),
    step(`send  -t  host3  -r  ${folder}  `, skips(["host3"], ALL)),
  ];
}

function deletions(folder: string, level: Level): Step[] {
  const read = relevant(folder, "sync", level, isReceivers);
  const readD = relevant(folder, "dsync", level, isReceivers);
  const delegated = (line: string, hosts: readonly string[], mark = ""): Step => ({
    line,
    expected: hosts.map((host) => `${mark}delete ${host}:${folder}/stray`),
    read: readD,
  });
  const preview: Step = { line: `sync -n ${folder}/gone` };
  return [
    { line: "exclude clear" },
    level > 0
      ? preview
      : {
          ...preview,
          expected: [`(dryrun) [delete:${folder}/gone]`],
          read: relevant(folder, "sync", level, (result) => result.kind === "preview"),
        },
    {
      line: `sync ${folder}/gone`,
      expected: from(
        1,
        level,
        RECEIVERS.map((h) => `delete ${h}:${folder}/gone`),
      ),
      read,
    },
    delegated(`dsync -r -n ${folder}`, RECEIVERS, "(dryrun) "),
    delegated(`dsync -n -r -t host3 ${folder}`, ["host3"], "(dryrun) "),
    delegated(`dsync -r -t host2 ${folder}`, ["host2"]),
    delegated(`dsync -r ${folder}`, ["host3"]),
  ];
}

function checks(folder: string, level: Level): Step[] {
  const read = relevant(folder, "check", level, isReceivers);
  const good = (hosts: readonly string[], files: readonly string[]) =>
    from(
      1,
      level,
      each(hosts, files, (host, file) => `${host}: OK ${folder}/${file}`),
    );
  const bad = (hosts: readonly string[]) => hosts.map((host) => `${host}: NG ${folder}/kept.bak`);
  return [
    { line: `check ${folder}/equal`, expected: good(RECEIVERS, ["equal"]), read },
    { line: `check ${folder}/kept.bak`, expected: bad(RECEIVERS), read },
    { line: `md5 ${folder}/fresh`, expected: good(RECEIVERS, ["fresh"]), read },
    { line: `md5 ${folder}/kept.bak`, expected: bad(RECEIVERS), read },
    {
      line: `check -r -t host3 ${folder}`,
      expected: [...good(["host3"], ALL), ...bad(["host3"])].sort(),
      read,
    },
    { line: `check -r ${folder}`, expected: [...good(RECEIVERS, ALL), ...bad(RECEIVERS)].sort(), read },
  ];
}

function from(first: Level, level: Level, lines: readonly string[]): readonly string[] {
  return level >= first ? lines : [];
}

function each(
  hosts: readonly string[],
  files: readonly string[],
  say: (host: string, file: string) => string,
): string[] {
  return hosts.flatMap((host) => files.map((file) => say(host, file)));
}

function isReceivers(result: Result): boolean {
  return "host" in result && result.host !== "host4" && result.kind !== "stranger";
}

function withoutSkips(lines: readonly string[]): readonly string[] {
  return lines.filter((line) => !line.startsWith("skip") && !line.startsWith("too loud: skip"));
}

/**
 * The answer's lines in order of their letters, but those about the folder itself: whether it is equal depends on when its content
 * changed. A line that this verbosity must not show is marked.
 */
function relevant(
  folder: string,
  command: string,
  level: Level,
  wanted: (result: Result) => boolean = () => true,
): (answer: Answer) => readonly string[] {
  return (answer) =>
    answer
      .flatMap((line) => {
        const result = parseResult(line);
        if ("file" in result && result.file.replace(/\/$/, "") === folder) return [];
        if (result.kind !== "other" && !wanted(result)) return [];
        return [(levelOf(result, command) ?? 0) > level ? `too loud: ${line}` : line];
      })
      .sort();
}
