import { ours, type Row, same } from "./row.ts";

const OPTIONS = "cli/daemon-options.test.ts";
const DAEMON = "io/daemon.test.ts";
const MODES = "io/daemon-modes.test.ts";
const SHORT = [OPTIONS, "every short option"] as const;
const BAD = "bad input: one clear line, status 2 > ";
const VARIABLES = [
  "compat/daemon.test.ts",
  "every variable has its effect, and every option overrides it",
] as const;

/** The daemon's command line, environment, signals and log. */
export const DAEMON_ROWS: readonly Row[] = [
  same("-b DIR: the base directory, to which every path is relative", SHORT, [
    "lab/case-study.test.ts",
    "the case study > two files go to three hosts, with owner and time",
  ]),
  same("without -b: the current directory", [
    "compat/daemon.test.ts",
    "without -b the base is the current directory",
  ]),
  ours(
    "a base that is missing or cannot be read",
    "one clear line, status 2",
    [DAEMON, `${BAD}a base that is missing`],
    [DAEMON, `${BAD}a base that the user cannot write, or not even read`],
  ),
  ours(
    "-u USER, -g GROUP, by name or number",
    "dropped for good, in every thread, once the sockets are open, and checked",
    [DAEMON, "privileges are given up by every thread, groups included"],
    [
      "io/daemon-chroot.test.ts",
      "a confined daemon from the … > every thread of it is who it should be, and may do nothing more",
    ],
  ),
  same("-u NAME takes that user's group, too", [
    DAEMON,
    "privileges are given up by every thread, groups included",
  ]),
  ours(
    "-G G1,G2: supplementary groups",
    "really set; without -G those of the user",
    [
      "io/daemon-chroot.test.ts",
      "a confined daemon from the … > every thread of it is who it should be, and may do nothing more",
    ],
    VARIABLES,
  ),
  same("-p PORT, 5000: UDP of the group and TCP of the console", SHORT, [
    "compat/daemon.test.ts",
    "-p and -m: a group is a port and an address, and the port is the console's, too",
  ]),
  same(
    "-m ADDR, 224.0.0.108: the multicast group",
    [OPTIONS, "defaults"],
    [
      "compat/daemon.test.ts",
      "-p and -m: a group is a port and an address, and the port is the console's, too",
    ],
    ["lab/bad-input.test.ts", "msync > no members, an unknown host, a path that is missing or outside"],
  ),
  ours(
    "-i ADDR, 0.0.0.0: the interface",
    "its name works, too",
    ["compat/daemon.test.ts", "-i: an interface by name or by address, and no daemon on another one"],
    ["io/interfaces.test.ts", "0.0.0.0 > follows the routes"],
  ),
  ours(
    "-l ADDR, 127.0.0.1: the console's address",
    "one that others reach needs a password",
    [OPTIONS, "a console for other hosts needs a password"],
    ["io/daemon-background.test.ts", "…: when the command returns, the daemon is up, away from everything"],
  ),
  same(
    "-U PATH: console on a unix socket with mode 0660, owned by user and group",
    [
      "io/console-unix.test.ts",
      "it speaks the same protocol, for the owner and its group alone, and leaves nothing behind",
    ],
    ["io/console-unix.test.ts", "it belongs to whom the daemon becomes"],
  ),
  same(
    "-U: refused where another daemon answers; a stale socket is replaced",
    ["io/console-unix.test.ts", "where another daemon answers, it is refused, and that one stays"],
    ["io/console-unix.test.ts", "the socket of a daemon that was killed is replaced"],
  ),
  ours("-k FILE: the group's key", "refuses to start, and says so, until there is encryption", [
    DAEMON,
    `${BAD}a key, as long as there is no encryption`,
  ]),
  ours(
    "with a key, plain packets are refused; without one, encrypted ones are",
    "there is no encryption yet: the log says that the group is open",
    [DAEMON, "a running daemon > says what it is, and that the group is open"],
  ),
  ours(
    "-K FILE: the console's password",
    "compared by digest in constant time; a file that others may read is refused",
    ["compat/conversations/password.txt", 'C "two words\\n"'],
    [DAEMON, `${BAD}a password file that others may read`],
  ),
  ours(
    "-f N, 1..7: files sent in parallel",
    "taken, and without effect: all files of a push are one stream",
    SHORT,
    ["compat/daemon.test.ts", "-R, -S and -T are what status tells; -f is taken"],
  ),
  same("-R BYTES, -S BYTES: socket buffers", [
    "compat/daemon.test.ts",
    "-R, -S and -T are what status tells; -f is taken",
  ]),
  same(
    "-T MBPS: a limit for the rate",
    ["compat/conversations/alive.txt", "daemon host1 -T 1"],
    ["compat/daemon.test.ts", "-R, -S and -T are what status tells; -f is taken"],
    ["compat/conversations/status.txt", 'S "sendrate: {rate}/1\\n"'],
  ),
  ours(
    "-n: stay in the foreground; without it, fork",
    "from a checkout it stays anyway, and -D, --daemon is the other way round; the parent ends when the daemon is up",
    ["io/daemon-background.test.ts", "-n keeps the executable in the foreground"],
    ["io/daemon-background.test.ts", "…: when the command returns, the daemon is up, away from everything"],
    [OPTIONS, "who goes to the background"],
  ),
  same(
    "-r: never receive; who is asked to by name answers 'read only'",
    [MODES, "-r: nothing is received, so the base need not be writable; -s: nothing is sent"],
    ["compat/conversations/send-errors.txt", 'S "error: read only: 10.77.0.4(host4)\\n"'],
  ),
  same("-s: never send; the console says so", [
    "compat/conversations/send-errors.txt",
    'S "error: this server can\'t send\\n"',
  ]),
  same("-o: no console", [MODES, "-o: there is no console, on no port and at no socket"]),
  same(
    "-O: send only what belongs to the daemon's user",
    [MODES, "-O: what belongs to somebody else is not sent"],
    [
      "disk/source-listed.test.ts",
      "only files of the daemon's user are sent where that is asked for, and all directories; others' names are left alone",
    ],
  ),
  same(
    "-c, --chroot: the base becomes the root",
    ["io/daemon-chroot.test.ts", "a confined daemon from the … > sees nothing but its base"],
    [
      "io/daemon-chroot.test.ts",
      "a confined daemon from the … > sends and receives, and knows its base by its own name",
    ],
  ),
  same(
    "-C, --core: core dumps; none without",
    [MODES, "core dumps > -C: as far as the system allows, also after a change of user"],
    [MODES, "core dumps > there are none unless asked for"],
  ),
  same(
    "-d N, 0..9: the log's level; SIGUSR1 raises it, SIGUSR2 lowers it",
    ["io/daemon-log.test.ts", "the level > is raised by SIGUSR1 and lowered by SIGUSR2, from 0 to 9"],
    ["io/daemon-log.test.ts", "the level > decides what is shown"],
  ),
  same(
    "-V, --version and -h, --help",
    [OPTIONS, "no arguments: usage, 1; help and version: 0"],
    [DAEMON, "usage, help and version"],
  ),
  same(
    "no arguments: the usage",
    [OPTIONS, "no arguments: usage, 1; help and version: 0"],
    ["lab/bad-input.test.ts", "a daemon that cannot start > says why in one line, with status 2"],
  ),
  ...["BASE", "PORT", "USER", "GROUP", "GROUPS", "SOCK", "RCVBUF", "SNDBUF"].map((name) =>
    same(`MAKUOSAN_${name} stands in for its option, which overrides it`, VARIABLES, [
      OPTIONS,
      "the environment stands in for options and yields to them",
    ]),
  ),
  same(
    "SIGTERM and SIGINT end it cleanly; the group hears of it",
    [DAEMON, "a running daemon > ends at once and with 0 when told to"],
    [
      "lab/members.test.ts",
      "membership > a new member appears everywhere within a second; one that ends leaves within one, a killed one within five",
    ],
  ),
  same(
    "log lines go to stderr and to syslog, facility daemon",
    [
      "io/daemon-log.test.ts",
      "the system's log > has every line, with the facility daemon, a priority, and the process",
    ],
    ["io/daemon-log.test.ts", "a log file > has the lines of stderr, and is a new one after SIGHUP"],
  ),
  same(
    "pkill makuosan finds it",
    [MODES, "pkill makuosan ends an installed daemon: it says goodbye and leaves nothing"],
    ["lab/case-study.test.ts", "the case study > examples 1 to 3, and one host only"],
  ),
];

/** Who is in the group. */
export const MEMBER_ROWS: readonly Row[] = [
  same(
    "a daemon announces itself at its start, and answers announcements",
    [
      "engine/membership.test.ts",
      "membership (PROTOCOL §4) > announces itself at once and asks for answers, three times, then repeats without asking",
    ],
    [
      "engine/membership.test.ts",
      "membership (PROTOCOL §4) > a solicit is answered soon by a small group, and no faster than its share by a large one",
    ],
  ),
  ours("it repeats that every 45 s", "every 0.75 s, and less often in large groups", [
    "engine/membership.test.ts",
    "membership (PROTOCOL §4) > announces itself at once and asks for answers, three times, then repeats without asking",
  ]),
  ours(
    "it is dropped after 300 s of silence",
    "after 5.6 of its intervals: 4.2 s in small groups",
    [
      "engine/membership.test.ts",
      "membership (PROTOCOL §4) > a silent member stays until the limit and is gone at it",
    ],
    [
      "lab/members.test.ts",
      "membership > a new member appears everywhere within a second; one that ends leaves within one, a killed one within five",
    ],
  ),
  ours(
    "it is dropped after 60 s without an answer in a transfer",
    "after 1 s before it has answered, 1.5 s later; the others do not wait longer",
    [
      "lab/receiver-kill.test.ts",
      "a receiver killed half-way > 1 GiB to four hosts: three finish in time, the fourth is named, and takes the next push",
    ],
    ["compat/conversations/host-errors.txt", 'S "error: receive time out: 10.77.0.4(host4)\\n"'],
  ),
];
