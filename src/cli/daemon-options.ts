import { hostname } from "node:os";
import { Command, Option } from "@commander-js/extra-typings";
import type { DaemonSettings } from "../io/daemon-settings.ts";
import { COMPRESS_LEVEL_MAX, COMPRESS_LEVEL_USUAL } from "../wire/disk-port.ts";
import {
  isLocalAddress,
  listenAddress,
  megabits,
  multicastAddress,
  nodeName,
  notEmpty,
  wholeNumber,
} from "./option-values.ts";
import { type Parsed, parseWith, usageError } from "./parse.ts";
import { version } from "./version.ts";

/** What depends on how the program was started. */
export type DaemonDefaults = {
  /** Whether it goes to the background unless told otherwise, as the installed executable does. */
  readonly background: boolean;
};

/**
 * Reads the daemon's command line (bytes, one character each); environment variables `MAKUOSAN_…` that are not empty stand in for options
 * that are not given. No arguments at all: the usage on stderr, status 1.
 */
export function parseDaemonArguments(
  args: readonly string[],
  defaults: DaemonDefaults = { background: false },
): Parsed<DaemonSettings> {
  const command = daemonCommand();
  if (args.length === 0) return { kind: "exit", status: 1, stdout: "", stderr: command.helpInformation() };
  const parsed = parseWith(command, args, () => {
    const options = command.opts();
    const given = (name: keyof typeof options) => command.getOptionValueSource(name) === "cli";
    // The environment is text, the command line is bytes.
    const bytes = (name: "base" | "socket") => {
      const value = options[name];
      return value === undefined || given(name) ? value : Buffer.from(value).toString("latin1");
    };
    const text = (name: "user" | "group" | "groups") => {
      const value = options[name];
      return value !== undefined && given(name) ? Buffer.from(value, "latin1").toString() : value;
    };
    return { options, given, bytes, text };
  });
  if (parsed.kind === "exit") return parsed;
  const { options, given, bytes, text } = parsed.options;
  const unixSocket = options.console ? bytes("socket") : undefined;
  const settings: DaemonSettings = {
    base: bytes("base") ?? ".",
    user: text("user"),
    group: text("group"),
    groups: text("groups")
      ?.split(",")
      .filter((name) => name !== ""),
    port: options.port,
    multicast: options.multicast,
    interface: options.interface,
    // A socket takes the place of the port, unless both are asked for.
    listen: options.console
      ? (options.listen ?? (unixSocket === undefined ? "127.0.0.1" : undefined))
      : undefined,
    unixSocket,
    name: options.name,
    rateLimit: options.rate,
    receiveBuffer: options.receiveBuffer,
    sendBuffer: options.sendBuffer,
    logLevel: options.loglevel,
    keyFile: options.key,
    passwordFile: options.passwordFile,
    logFile: options.log,
    noReceive: !options.receive,
    noSend: !options.send,
    ownerMatch: options.ownerMatch === true,
    compressLevel: options.compress ? options.compressLevel : 0,
    devices: options.devices === true,
    fsync: options.fsync,
    chroot: options.chroot === true,
    coreDumps: options.core === true,
    background: options.daemon === true || (defaults.background && options.foreground !== true),
    gso: options.gso,
    gro: options.gro,
  };
  const wrong = contradiction(settings, {
    noConsole: !options.console,
    console: (["socket", "listen", "passwordFile"] as const).filter(given),
    foreground: options.foreground === true,
    daemon: options.daemon === true,
    compressLevel: given("compressLevel"),
  });
  return wrong === undefined ? { kind: "run", options: settings } : usageError("makuosan", wrong);
}

/** What the option table cannot say of options that do not go together. */
function contradiction(
  settings: DaemonSettings,
  given: {
    readonly noConsole: boolean;
    readonly console: readonly ("socket" | "listen" | "passwordFile")[];
    readonly foreground: boolean;
    readonly daemon: boolean;
    readonly compressLevel: boolean;
  },
): string | undefined {
  const flags = { socket: "-U, --socket", listen: "-l, --listen", passwordFile: "-K, --password-file" };
  const [first] = given.console;
  if (given.noConsole && first !== undefined)
    return `option '-o, --no-console' cannot be used with option '${flags[first]}'`;
  if (given.foreground && given.daemon)
    return "option '-n, --foreground' cannot be used with option '-D, --daemon'";
  if (given.compressLevel && settings.compressLevel === 0)
    return "option '--no-compress' cannot be used with option '--compress-level'";
  const { listen, passwordFile } = settings;
  if (listen !== undefined && passwordFile === undefined && !isLocalAddress(listen))
    return `a console at ${listen}, for others than this host, needs a password (-K)`;
  return undefined;
}

/** An option that a variable stands in for; an empty one, as an environment file may have it, counts as none. */
function orVariable<O extends { env(name: string): O }>(option: O, variable: string): O {
  return process.env[variable] === "" ? option : option.env(variable);
}

const bufferBytes = wholeNumber(4096, 1 << 30);

const running = () => ({
  base: new Option("-b, --base <dir>", "base directory").default(".").argParser(notEmpty),
  user: new Option("-u, --user <user>", "run as this user (name or number)").argParser(notEmpty),
  group: new Option("-g, --group <group>", "run as this group (default: the user's)").argParser(notEmpty),
  groups: new Option(
    "-G, --groups <groups>",
    "supplementary groups, with commas (default: the user's)",
  ).argParser((value: string) => value),
  chroot: new Option("-c, --chroot", "make the base directory the process's root; as root only"),
  foreground: new Option("-n, --foreground", "stay in the foreground"),
  daemon: new Option("-D, --daemon", "go to the background when all is up (the installed program does)"),
  core: new Option("-C, --core", "allow core dumps"),
});

const network = () => ({
  port: new Option("-p, --port <port>", "UDP port of the group and TCP port of the console")
    .default(5000)
    .argParser(wholeNumber(1, 65_535)),
  multicast: new Option("-m, --multicast <addr>", "multicast group")
    .default("224.0.0.108")
    .argParser(multicastAddress),
  interface: new Option("-i, --interface <name|addr>", "network interface (0.0.0.0: chosen by the routes)")
    .default("0.0.0.0")
    .argParser(notEmpty),
  name: new Option("--name <name>", "this node's name in the group")
    .default(hostname(), "the host's name")
    .argParser(nodeName),
  key: new Option("-k, --key <file>", "the group's key; encryption is not available yet").argParser(notEmpty),
  rate: new Option("-T, --rate <mbps>", "most megabits a second to send").argParser(megabits),
  receiveBuffer: new Option("-R, --receive-buffer <bytes>", "socket buffer").argParser(bufferBytes),
  sendBuffer: new Option("-S, --send-buffer <bytes>", "socket buffer").argParser(bufferBytes),
  gso: new Option("--no-gso", "never let the kernel cut packets when sending"),
  gro: new Option("--no-gro", "never let the kernel join packets when receiving"),
});

const consoles = () => ({
  listen: new Option("-l, --listen <addr>", "address of the console (default: 127.0.0.1)").argParser(
    listenAddress,
  ),
  socket: new Option("-U, --socket <path>", "console at a unix socket instead (both with -l)").argParser(
    notEmpty,
  ),
  password: new Option("-K, --password-file <file>", "consoles must say its first line").argParser(notEmpty),
  none: new Option("-o, --no-console", "no console"),
});

const pushes = () => ({
  receive: new Option("-r, --no-receive", "never receive"),
  send: new Option("-s, --no-send", "never send"),
  ownerMatch: new Option("-O, --owner-match", "send only what belongs to the daemon's user"),
  compress: new Option("--no-compress", "send contents as they are, unless a push asks for compression"),
  compressLevel: new Option("--compress-level <n>", "compress contents at most so hard, 1 to 19")
    .default(COMPRESS_LEVEL_USUAL)
    .argParser(wholeNumber(1, COMPRESS_LEVEL_MAX)),
  devices: new Option("--devices", "make device nodes where a push has them; as root only"),
  fsync: new Option("--no-fsync", "do not wait for the disk when receiving: a power failure may undo it"),
  parallel: new Option("-f, --parallel <n>", "1 to 7; no effect: all files are one stream").argParser(
    wholeNumber(1, 7),
  ),
});

const logs = () => ({
  level: new Option("-d, --loglevel <n>", "what is logged, 0 (least) to 9")
    .default(0)
    .argParser(wholeNumber(0, 9)),
  file: new Option("--log <file>", "log to this file, too; SIGHUP opens it again").argParser(notEmpty),
});

function daemonCommand() {
  const { base, user, group, groups, chroot, foreground, daemon, core } = running();
  const { port, multicast, interface: on, name, key, rate, receiveBuffer, sendBuffer, gso, gro } = network();
  const { listen, socket, password, none } = consoles();
  const { receive, send, ownerMatch, compress, compressLevel, devices, fsync, parallel } = pushes();
  const { level, file } = logs();
  return new Command("makuosan")
    .description("Sends and receives directory trees, to and from all other makuosan of the group at once.")
    .usage("[options]")
    .version(`makuosan ${version}`, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this text")
    .addOption(orVariable(base, "MAKUOSAN_BASE"))
    .addOption(orVariable(user, "MAKUOSAN_USER"))
    .addOption(orVariable(group, "MAKUOSAN_GROUP"))
    .addOption(orVariable(groups, "MAKUOSAN_GROUPS"))
    .addOption(chroot)
    .addOption(foreground)
    .addOption(daemon)
    .addOption(core)
    .addOption(orVariable(port, "MAKUOSAN_PORT"))
    .addOption(multicast)
    .addOption(on)
    .addOption(name)
    .addOption(key)
    .addOption(rate)
    .addOption(orVariable(receiveBuffer, "MAKUOSAN_RCVBUF"))
    .addOption(orVariable(sendBuffer, "MAKUOSAN_SNDBUF"))
    .addOption(gso)
    .addOption(gro)
    .addOption(listen)
    .addOption(orVariable(socket, "MAKUOSAN_SOCK"))
    .addOption(password)
    .addOption(none)
    .addOption(receive)
    .addOption(send)
    .addOption(ownerMatch)
    .addOption(compress)
    .addOption(compressLevel)
    .addOption(devices)
    .addOption(fsync)
    .addOption(parallel)
    .addOption(level)
    .addOption(file);
}
