import { ours, type Row, same } from "./row.ts";

const MSYNC = "compat/msync.test.ts";
const CARRIED = "compat/carried.test.ts";
const TARGETS = [
  MSYNC,
  "with whom msync talks > -c and MSYNC_TARGET: a port, a socket, a plain path",
] as const;
const USAGE = [
  MSYNC,
  "no arguments, and --delete or -g where nothing is sent: usage, status 1; -h and -V: 0",
] as const;
const WHAT = [
  CARRIED,
  "files, directories, links that are not followed, FIFOs, and devices where they are allowed; no sockets",
] as const;
const WHOLE = [CARRIED, "mode, owner, group and time are carried over, whole: 32 bits, nanoseconds"] as const;
const UPDATES = [
  CARRIED,
  "a difference in time, size, mode, or, for root, owner and group is an update; of a link, also its target",
] as const;
const SWITCH = [
  "lab/switch.test.ts",
  "a push that replaces a tree > every file is old or new at every moment, never missing, never mixed",
] as const;

/** What is sent, and what arrives. */
export const TRANSFER_ROWS: readonly Row[] = [
  same(
    "every example of the manual works, word for word",
    ["lab/case-study.test.ts", "the case study > two files go to three hosts, with owner and time"],
    ["lab/case-study.test.ts", "the case study > examples 1 to 3, and one host only"],
    ["lab/daemonize.test.ts", "makuosan -b /var/www -u www-data -g www-data…, until pkill makuosan"],
  ),
  same("regular files and directories", WHAT),
  same("symbolic links, never followed", WHAT, [
    "disk/confinement.test.ts",
    "on the sender > links are sent as what they say",
  ]),
  same("FIFOs", WHAT),
  ours("block and character devices", "only where the receiving daemon has --devices", WHAT, [
    "disk/devices.test.ts",
    "a %s device is made with its number, and the number is read again",
  ]),
  ours("unix sockets are left out: skip: unix domain socket FILE", "from level 1 on", WHAT, [
    "compat/conversations/send.txt",
    'S "skip: unix domain socket sock\\n"',
  ]),
  same("mode, uid and gid (as numbers) and mtime are carried over", WHOLE, [
    "disk/unprivileged.test.ts",
    "a tree arrives with its modes and times, owned by the receiver",
  ]),
  same("a different mtime, size or mode makes an update", UPDATES),
  same("a different uid or gid does where the receiver is root", UPDATES),
  ours("a link's different target does", "its different time, too", UPDATES),
  same("anything else is skipped", UPDATES, [
    "io/loopback.test.ts",
    "a second push sends no content block and says what it skips",
  ]),
  ours(
    "children are sent before their directory",
    "all names switch at once, and directories get their time last",
    SWITCH,
    ["disk/selection.test.ts", "directories > keep the sender's time although what is in them was renamed"],
  ),
  ours(
    "a file is written beside its target and renamed",
    "it is staged below the base, and all are renamed when everything is there",
    SWITCH,
  ),
  same(
    "missing parents are made with mode 0755",
    [CARRIED, "missing parents are made with mode 0755"],
    [
      "disk/selection.test.ts",
      "a selection > makes parents that are missing with mode 0755, and leaves their times to themselves",
    ],
  ),
];

/** msync's command line. */
export const MSYNC_ROWS: readonly Row[] = [
  same("--status", [MSYNC, "what is told > --members and --status"]),
  same("--members", [MSYNC, "what is told > --members and --status"]),
  ours("--check", "the exit status is 1 where something differs", [
    MSYNC,
    "what is told > --check: what differs, and that it does by the exit status",
  ]),
  ours(
    "--delete",
    "part of the same push: nothing goes before the new tree is in place; --max-delete",
    [MSYNC, "what is deleted > --delete: all that is missing here, below what is sent; told at every level"],
    [
      "lab/delete.test.ts",
      "--delete -r to four hosts that differ in every way > -n says line for line what then happens; all are equal, and what is excluded is untouched",
    ],
  ),
  same("--sync", [MSYNC, "what is deleted > --sync: a given path that is missing here, and nothing else"]),
  ours("--exclude=P", "holds on both sides", [
    MSYNC,
    "what is sent > --exclude, --exclude-from a file and stdin: neither sent nor deleted",
  ]),
  same("--exclude-from=FILE, - is stdin", [
    MSYNC,
    "what is sent > --exclude, --exclude-from a file and stdin: neither sent nor deleted",
  ]),
  same(
    "-l LEVEL",
    [MSYNC, "what is told > -v, and as often as it is repeated; -l"],
    ["cli/options.test.ts", "how much to say"],
  ),
  same(
    "-v: one level more, repeatable",
    [MSYNC, "what is told > -v, and as often as it is repeated; -l"],
    ["cli/options.test.ts", "how much to say"],
  ),
  same("-c TARGET", TARGETS),
  same("-f SCRIPT: console commands, one a line; - is stdin", [
    MSYNC,
    "with whom msync talks > -f: console commands from a file, or stdin",
  ]),
  same("-t HOST", [MSYNC, "what is sent > -t: to this host, or these"]),
  same("-g GROUP", [MSYNC, "what is sent > -g: the group is changed here first"]),
  same("-K FILE: the console's password", [MSYNC, "with whom msync talks > -K: the console's password"]),
  same("-n", [
    "lab/dry-run.test.ts",
    "a dry run > names what would change at each host, and changes nothing",
  ]),
  same("-r; without a path the whole base", [
    MSYNC,
    "what is sent > a path, several, names with blanks, the whole base",
  ]),
  same("-h and -V", USAGE),
  same(
    "short options combine",
    ["cli/options.test.ts", "what to do > $args"],
    [MSYNC, "what is sent > -t: to this host, or these"],
  ),
  same("several paths", [MSYNC, "what is sent > a path, several, names with blanks, the whole base"]),
  same("TARGET tcp:HOST:PORT", TARGETS, ["cli/options.test.ts", "where the console is, and its password"]),
  same("TARGET unix:PATH", TARGETS),
  same("TARGET as a plain path", TARGETS),
  same("MSYNC_TARGET, which -c overrides", TARGETS),
  same("the default is tcp:127.0.0.1:5000", TARGETS, [
    "cli/options.test.ts",
    "where the console is, and its password",
  ]),
  same("lines that start with error: go to stderr, all others to stdout", [
    MSYNC,
    "what is told > error lines go to stderr, all others to stdout",
  ]),
  same("paths are relative to the daemon's base, never to the current directory", [
    MSYNC,
    "what is sent > paths are relative to the daemon's base, wherever msync runs",
  ]),
  same("no arguments: usage, status 1", USAGE),
  same("--delete or -g with --check, --status or --members: usage, status 1", USAGE),
];

/** What the C program does badly. */
export const FAULT_ROWS: readonly Row[] = [
  ours(
    "the exit status is 0 although a host failed",
    "1, and stderr names the host",
    ["io/msync.test.ts", "exit status > 1 when one host is lost, which is named on stderr"],
    [
      "lab/bad-input.test.ts",
      "a receiver that cannot > write is named with its reason, and changes nothing; the others finish",
    ],
  ),
  ours("60 s of waiting for a host that died", "1.5 s, in which the others go on", [
    "lab/receiver-kill.test.ts",
    "a receiver killed half-way > 1 GiB to four hosts: three finish in time, the fourth is named, and takes the next push",
  ]),
  ours(
    "a daemon that is killed leaves FILE.makuoNNNNNN for ever",
    "the next start removes what was staged",
    ["io/daemon.test.ts", "a base has one daemon at a time, however the one before it ended"],
    [
      "disk/faults.test.ts",
      "a receiver that is killed before the commit has changed nothing, and its next start leaves nothing",
    ],
  ),
  ours("between two renames the target does not exist", "one rename, or an exchange", SWITCH, [
    "disk/faults.test.ts",
    "at every system call of the commit a reader sees each path whole: old or new, never missing",
  ]),
  ours("names with blanks need a backslash on the command line", "they do not", [
    "io/loopback.test.ts",
    "paths > that are not UTF-8 or have blanks and backslashes, from the command line",
  ]),
  ours("a name of 1,024 bytes or more cannot be sent", "paths have 4,095 bytes", [
    "disk/random.test.ts",
    "a path of 4,095 bytes arrives; longer ones are reported, and all else arrives",
  ]),
  ours(
    ".. in a received name is obeyed",
    "such a push fails before it changes anything",
    ["disk/hostile-blocks.test.ts", "a manifest > with the name %j is a failure"],
    [
      "disk/confinement.test.ts",
      "on a receiver > directory %s swapped for a link before the commit is a failure, and nothing outside changes",
    ],
  ),
  ours("uid and gid have 16 bits", "32", WHOLE),
  ours("mtime has whole seconds", "nanoseconds", WHOLE),
];
