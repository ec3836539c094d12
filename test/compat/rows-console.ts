import { ours, type Row, same } from "./row.ts";

const IN = "compat/conversations/";
const REPORT = "cli/push-report.test.ts";
const LOOPBACK = "io/loopback.test.ts";

/** How the console's bytes are framed, and who may say them. */
export const CONSOLE_ROWS: readonly Row[] = [
  same(
    "on TCP 127.0.0.1:5000, or at the unix socket",
    [`${IN}password.txt`, "connect 4 host1 /srv/sock"],
    [`${IN}plain-commands.txt`, "connect 1 host1 5000"],
    ["cli/daemon-options.test.ts", "a socket takes the place of the port, unless both are asked for"],
  ),
  same(
    "lines end in LF; CR is ignored",
    [`${IN}plain-commands.txt`, 'C "ec\\rho b\\r\\r\\n"'],
    ["io/console.test.ts", "a line may come in pieces, and several at once run in order"],
  ),
  same(
    "words are split at blanks; a backslash before one makes it part of the word",
    ["cli/words.test.ts", "splitWords > %j"],
    [`${IN}send.txt`, 'C "send two\\\\ words\\n"'],
  ),
  same(
    "the prompt has two bytes and no line end; it comes first, and when each command has finished",
    ["io/console.test.ts", "a send runs to its end before the next command, with its lines by level"],
    [`${IN}pipelined.txt`, 'S "over and out\\n"'],
  ),
  same("with -K, the question for the password ends in ESC E", [`${IN}password.txt`, 'S "password: \\eE"']),
  ours(
    "a wrong one is answered, and the connection closed",
    "after a second; nothing behind it is heard",
    [`${IN}password.txt`, 'S "sorry.\\n"'],
    ["io/console-password.test.ts", "a wrong one ends it, and nothing behind it is done: %s"],
  ),
  ours(
    "at least 8 consoles at once",
    "256",
    ["io/console-pool.test.ts", "as many as there may be, and one more when one has left"],
    ["io/console.test.ts", "eight consoles at once, each with its own level"],
    ["io/console-limits.test.ts", "250 consoles at once, each with a push, a level and excludes of its own"],
  ),
  same("closing the console in the middle of a send cancels it", [
    LOOPBACK,
    "closing the console in the middle of a send cancels it, and nothing changes",
  ]),
];

const SEND = `${IN}send.txt`;
const EXCLUDE = `${IN}exclude.txt`;

/** Commands and what they do. */
export const COMMAND_ROWS: readonly Row[] = [
  same("send PATH", [SEND, 'C "send two\\\\ words\\n"']),
  same("send -r PATH: everything below it", [SEND, 'C "send -r d\\n"']),
  same("send -r: everything below the base", [SEND, 'C "send -r\\n"']),
  same("send -n: only say what would be sent", [SEND, 'C "send -n c\\n"']),
  ours(
    "send -t HOST: to this host",
    "several, with commas",
    [SEND, 'C "send -t host3 link\\n"'],
    ["cli/console-command.test.ts", "hosts are told apart by commas, each once"],
  ),
  same(
    "send -g GROUP: the sent files get this group here first",
    [SEND, 'C "send -g daemon b\\n"'],
    [
      "disk/source-group.test.ts",
      "everything gets the group, links too, and keeps its mode; what is sent is what is there then",
    ],
  ),
  same("sync: as send, and a PATH that is missing here is deleted there", [
    `${IN}sync.txt`,
    'C "sync gone\\n"',
  ]),
  same(
    "sync -r, -n, -t, -g as with send",
    [`${IN}sync.txt`, 'C "sync -r -n d gone\\n"'],
    [`${IN}sync.txt`, 'C "sync -t host3 gone\\n"'],
    [
      "io/console-commands.test.ts",
      "a group that there is not, and a server that does not send, are errors without a push",
    ],
  ),
  same("dsync -r: delete there what is missing here, send nothing", [`${IN}dsync.txt`, 'C "dsync -r\\n"']),
  same(
    "dsync -n, -t, PATH",
    [`${IN}dsync.txt`, 'C "dsync -r -n d\\n"'],
    [`${IN}dsync.txt`, 'C "dsync -t host2 extra\\n"'],
  ),
  ours(
    "check -r, -t, PATH: compare contents",
    "all kinds of entries; hosts that do not receive, too",
    [`${IN}check.txt`, 'C "check -r\\n"'],
    [`${IN}check.txt`, 'C "check -r -t host3 d\\n"'],
  ),
  same("md5 is check", [`${IN}check.txt`, 'C "md5 -r\\n"']),
  same(
    "members: NAME ADDRESS (VerX.Y.Z) in columns, by name, without itself; then Total: N members",
    [`${IN}members.txt`, 'S "alpha  10.77.0.2 (Ver{version})\\n"'],
    [`${IN}members.txt`, 'S "Total: 3 members\\n"'],
    ["cli/tables.test.ts", "members: sorted, in columns, with their number"],
  ),
  ...[
    "process : {pid}",
    "version : {version}",
    "basedir : /srv/www/",
    "chroot  : /srv/www/",
    "mfalloc : 0",
    "recvsize: {bytes}",
    "sendsize: {bytes}",
  ].map((line) => same(`status: ${line}`, [`${IN}status.txt`, `S "${line}\\n"`])),
  same(
    "status: sendrate: A/B, with -T only",
    [`${IN}status.txt`, 'S "sendrate: {rate}/1\\n"'],
    ["compat/daemon.test.ts", "-R, -S and -T are what status tells; -f is taken"],
  ),
  same(
    "status: command : N, and each behind two blanks",
    [`${IN}status.txt`, 'S "command : 2\\n"'],
    [`${IN}status.txt`, 'S "  send -r\\n"'],
  ),
  same(
    "status: send op : N, and each behind two blanks",
    [`${IN}status.txt`, 'S "send op : 1\\n"'],
    [`${IN}status.txt`, 'S "  push {number} {phase} to 3 hosts, {blocks}\\n"'],
  ),
  same(
    "status: recv op : N, and each behind two blanks",
    [`${IN}status.txt`, 'S "recv op : 1\\n"'],
    [`${IN}status.txt`, 'S "  push {number} from host1 {phase}, {blocks}\\n"'],
    ["cli/tables.test.ts", "status: the table, its items, then all counters"],
  ),
  ours("status ends there", "the counters follow", [`${IN}status.txt`, 'S "{counters}\\n"']),
  same("exclude add PATTERN", [EXCLUDE, 'C "exclude add *.swp\\n"']),
  same("exclude del PATTERN", [EXCLUDE, 'C "exclude del two\\\\ words\\n"']),
  same("exclude list", [EXCLUDE, 'C "exclude list\\n"']),
  same("exclude clear", [EXCLUDE, 'C "exclude clear\\n"']),
  same(
    "excludes are those of one connection",
    [EXCLUDE, "use 2"],
    ["io/console-commands.test.ts", "excludes: of this connection alone, for all that follows"],
  ),
  same(
    "patterns are those of fnmatch with FNM_PATHNAME",
    ["wire/pattern.test.ts", "patterns match what they match in the C library"],
    ["disk/source-excludes.test.ts", "of any tree and any patterns, exactly what no pattern covers is left"],
  ),
  same(
    "they are tried against every tail of the absolute path that starts behind a slash",
    [EXCLUDE, 'C "exclude add srv/www/d\\n"'],
    [
      "wire/pattern.test.ts",
      "excludes > one pattern is tried against every tail, and with a slash for directories",
    ],
  ),
  same("directories are tried with a slash at the end, too", [EXCLUDE, 'C "exclude add tmp/\\n"']),
  same(
    "loglevel N: this connection's",
    [`${IN}levels.txt`, 'C "loglevel 3\\n"'],
    ["io/console.test.ts", "eight consoles at once, each with its own level"],
  ),
  same(
    "alive on: alive is said once a second while a command runs",
    [`${IN}alive.txt`, 'S "alive\\n"'],
    ["io/console-commands.test.ts", "alive: said once a second while a command runs, on lines of its own"],
  ),
  same(
    "alive off",
    [`${IN}alive.txt`, 'C "alive off\\n"'],
    ["io/console-commands.test.ts", "alive: said once a second while a command runs, on lines of its own"],
  ),
  ours("alive without a word", "tells which it is", [`${IN}plain-commands.txt`, 'S "alive: off\\n"']),
  same("echo", [`${IN}plain-commands.txt`, 'C "echo   two   words  \\n"']),
  same(
    "help",
    [`${IN}plain-commands.txt`, 'C "help\\n"'],
    ["install/manual.test.ts", "the manual > describes every command of the console"],
  ),
  ...["quit", "exit", "bye"].map((word) =>
    same(`${word} closes the console`, [
      `${IN}${word === "bye" ? "pipelined" : "plain-commands"}.txt`,
      word === "bye" ? "S end" : `C "${word}\\n"`,
    ]),
  ),
  same("anything else: mexec: command error 'WORD'", [
    `${IN}plain-commands.txt`,
    "S \"mexec: command error 'nonsense'\\n\"",
  ]),
];

/** What comes of a push, by level; each level adds to those below it. */
export const RESULT_ROWS: readonly Row[] = [
  same(
    "level 0: error: TEXT",
    [`${IN}send-errors.txt`, 'S "error: missing: No such file or directory\\n"'],
    [REPORT, "the sender's own trouble is an error, what it leaves out on purpose a notice"],
  ),
  same("level 0: HOST: NG FILE", [`${IN}check.txt`, 'S "host3: NG d/a\\n"']),
  same("level 0, dsync: delete HOST:PATH", [`${IN}dsync.txt`, 'S "delete host2:d/x/1\\n"']),
  same("level 0, dsync -n: (dryrun) delete HOST:PATH", [
    `${IN}dsync.txt`,
    'S "(dryrun) delete host2:other/2\\n"',
  ]),
  ours("level 0, dsync: delete error (TEXT) HOST:PATH", "and a line that says that the host has failed", [
    `${IN}host-errors.txt`,
    'S "delete error (Device or resource busy) host3:gone/here\\n"',
  ]),
  same(
    "level 0: HOST is not contained in members",
    [`${IN}levels.txt`, 'S "host9 is not contained in members\\n"'],
    [REPORT, "why there was no push"],
  ),
  same(
    "level 0 and no other, send -n: (dryrun) [update:FILE]",
    [`${IN}levels.txt`, 'S "(dryrun) [update:d/a]\\n"'],
    [REPORT, "a dry run names each file once at level 0, and each host's from 1 on"],
  ),
  same(
    "level 0 and no other, sync -n: (dryrun) [delete:FILE]",
    [`${IN}sync.txt`, 'S "(dryrun) [delete:gone/1]\\n"'],
    [REPORT, "other pushes tell their removals from level 1 on; a dry run at level 0 each name once"],
  ),
  same(
    "level 1: update HOST:FILE",
    [`${IN}levels.txt`, 'S "update host3:b\\n"'],
    [REPORT, "updates and skips, by level"],
  ),
  same("level 1: (dryrun) update HOST:FILE", [`${IN}levels.txt`, 'S "(dryrun) update host2:d/a\\n"']),
  same(
    "level 1: HOST: OK FILE",
    [`${IN}check.txt`, 'S "host2: OK d/a\\n"'],
    [REPORT, "a check tells what differs, and from level 1 on what does not"],
  ),
  same("level 1, sync: delete HOST:FILE", [`${IN}sync.txt`, 'S "delete host2:gone/1\\n"']),
  same(
    "level 2: skip   HOST:FILE",
    [`${IN}levels.txt`, 'S "skip   host2:b\\n"'],
    [REPORT, "updates and skips, by level"],
  ),
  same(
    "level 3: skipro HOST:FILE",
    [`${IN}levels.txt`, 'S "skipro host4:d/a\\n"'],
    [REPORT, "entries of hosts that do not receive are told from level 3 on, as that"],
  ),
  same(
    "error: TEXT HOST:FILE",
    [`${IN}host-errors.txt`, 'S "error: cannot compare: Device or resource busy host2:d/a\\n"'],
    [REPORT, "a failed host is named once, with the file if that is known, whichever comes first"],
  ),
  same("a lost host: error: receive time out: ADDRESS(HOST)", [
    `${IN}host-errors.txt`,
    'S "error: receive time out: 10.77.0.4(host4)\\n"',
  ]),
];
