import { hostname } from "node:os";
import { Command, Option } from "@commander-js/extra-typings";
import type { DaemonSettings } from "../io/daemon-settings.ts";
import {
  listenAddress,
  megabits,
  multicastAddress,
  nodeName,
  notEmpty,
  wholeNumber,
} from "./option-values.ts";
import { type Parsed, parseWith } from "./parse.ts";
import { version } from "./version.ts";

/**
 * Reads the daemon's command line; environment variables `MAKUOSAN_…` stand in for options that are not given. No arguments at all:
 * the usage on stderr, status 1.
 */
export function parseDaemonArguments(args: readonly string[]): Parsed<DaemonSettings> {
  const command = daemonCommand();
  if (args.length === 0) return { kind: "exit", status: 1, stdout: "", stderr: command.helpInformation() };
  return parseWith(command, args, () => {
    const options = command.opts();
    return {
      base: options.base,
      user: options.user,
      group: options.group,
      groups: options.groups?.split(",").filter((name) => name !== ""),
      port: options.port,
      multicast: options.multicast,
      interface: options.interface,
      listen: options.listen,
      name: options.name,
      rateLimit: options.rate,
      receiveBuffer: options.receiveBuffer,
      sendBuffer: options.sendBuffer,
      logLevel: options.loglevel,
      ownerMatch: false,
      devices: false,
      gso: options.gso,
      gro: options.gro,
    };
  });
}

function daemonCommand() {
  const buffer = wholeNumber(4096, 1 << 30);
  return new Command("makuosan")
    .description("Sends and receives directory trees, to and from all other makuosan of the group at once.")
    .usage("[options]")
    .version(`makuosan ${version}`, "-V, --version", "print the version")
    .helpOption("-h, --help", "print this text")
    .addOption(
      new Option("-b, --base <dir>", "base directory").default(".").env("MAKUOSAN_BASE").argParser(notEmpty),
    )
    .addOption(
      new Option("-u, --user <user>", "run as this user (name or number)")
        .env("MAKUOSAN_USER")
        .argParser(notEmpty),
    )
    .addOption(
      new Option("-g, --group <group>", "run as this group (default: the user's)")
        .env("MAKUOSAN_GROUP")
        .argParser(notEmpty),
    )
    .addOption(
      new Option("-G, --groups <groups>", "supplementary groups, with commas (default: the user's)")
        .env("MAKUOSAN_GROUPS")
        .argParser((value: string) => value),
    )
    .addOption(
      new Option("-p, --port <port>", "UDP port of the group and TCP port of the console")
        .default(5000)
        .env("MAKUOSAN_PORT")
        .argParser(wholeNumber(1, 65_535)),
    )
    .addOption(
      new Option("-m, --multicast <addr>", "multicast group")
        .default("224.0.0.108")
        .argParser(multicastAddress),
    )
    .addOption(
      new Option("-i, --interface <name|addr>", "network interface (0.0.0.0: chosen by the routes)")
        .default("0.0.0.0")
        .argParser(notEmpty),
    )
    .addOption(
      new Option("-l, --listen <addr>", "address of the console")
        .default("127.0.0.1")
        .argParser(listenAddress),
    )
    .addOption(
      new Option("--name <name>", "this node's name in the group")
        .default(hostname(), "the host's name")
        .argParser(nodeName),
    )
    .addOption(new Option("-T, --rate <mbps>", "most megabits a second to send").argParser(megabits))
    .addOption(
      new Option("-R, --receive-buffer <bytes>", "socket buffer").env("MAKUOSAN_RCVBUF").argParser(buffer),
    )
    .addOption(
      new Option("-S, --send-buffer <bytes>", "socket buffer").env("MAKUOSAN_SNDBUF").argParser(buffer),
    )
    .addOption(
      new Option("-d, --loglevel <n>", "what is logged, 0 (least) to 9")
        .default(0)
        .argParser(wholeNumber(0, 9)),
    )
    .option("-n, --foreground", "stay in the foreground")
    .addOption(new Option("--no-gso", "never let the kernel cut packets when sending"))
    .addOption(new Option("--no-gro", "never let the kernel join packets when receiving"));
}
