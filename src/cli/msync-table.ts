import { Command, Option } from "@commander-js/extra-typings";
import { COMPRESS_LEVEL_MAX } from "../wire/disk-port.ts";
import { notEmpty, wholeNumber } from "./option-values.ts";

/** The largest number that a request can carry. */
const removesMaxLimit = 0xffff_fffe;
const levelMax = 9;
const helpColumns = 80;

/** msync's options: what reads the command line and what `--help` prints. Values are bytes, one character each. */
export function msyncCommand() {
  return new Command("msync")
    .description(
      "Sends paths below the base directory to all other makuosan daemons at once.\nPaths are relative to the daemon's base directory.",
    )
    .usage("[options] [PATH...]")
    .argument("[PATH...]")
    .configureHelp({ helpWidth: helpColumns, visibleArguments: () => [] })
    .option("-r, --recursive", "all below each PATH, or the whole base directory")
    .option("-n, --dry-run", "only say what would change")
    .addOption(text("-t, --to <HOST[,HOST]>", "only to these hosts"))
    .addOption(text("-g, --group <GROUP>", "first give the sent files to this group, here"))
    .option("--delete", "also delete there what does not exist here")
    .option("--sync", "delete there a given PATH that does not exist here")
    .addOption(
      new Option("--max-delete <N>", "a host that would lose more than N names changes nothing").argParser(
        wholeNumber(0, removesMaxLimit),
      ),
    )
    .option("--check", "compare contents, change nothing")
    .option("--no-fsync", "the hosts do not wait for their disks: a power failure may undo it")
    .addOption(texts("--exclude <PATTERN>", "neither send nor delete what matches (repeatable)"))
    .addOption(texts("--exclude-from <FILE>", "patterns from a file, one a line; - is stdin"))
    .option(
      "-z, --compress",
      "compress contents where that is faster, as it does unless the daemon is told not to",
    )
    .option("--no-compress", "send contents as they are")
    .addOption(
      new Option(
        "--compress-level <N>",
        "compress at most so hard, 1 to 19 (default: the daemon's)",
      ).argParser(wholeNumber(1, COMPRESS_LEVEL_MAX)),
    )
    .addOption(
      new Option("-v, --verbose", "one level more: -v updated files, -vv skipped ones")
        .default(0, "0")
        .argParser((_: string, before: number) => before + 1),
    )
    .addOption(
      new Option("-l, --loglevel <LEVEL>", "the level as a number, 0 to 9")
        .default(0)
        .argParser(wholeNumber(0, levelMax)),
    )
    .option("--json", "print the daemon's events as JSON, one a line")
    .option("--progress", "show progress even if stderr is no terminal")
    .option("--no-progress", "show no progress")
    .option("--members", "list the other members of the group")
    .option("--status", "what the daemon is doing, and its counters")
    .addOption(text("-f, --file <SCRIPT>", "run console commands, one a line; - is stdin"))
    .addOption(
      text(
        "-c, --target <TARGET>",
        "console: tcp:HOST:PORT, unix:PATH or a path (default: $MSYNC_TARGET, else tcp:127.0.0.1:5000)",
      ),
    )
    .addOption(text("-K, --password-file <FILE>", "password of the console"))
    .helpOption("-h, --help", "print this text")
    .option("-V, --version", "print the version")
    .addOption(
      new Option("--complete-hosts", "names of members, for a shell; quiet without a daemon").hideHelp(),
    );
}

/** What commander made of a command line. */
export type MsyncValues = ReturnType<ReturnType<typeof msyncCommand>["opts"]>;

function text<Flags extends string>(flags: Flags, help: string) {
  return new Option(flags, help).argParser(notEmpty);
}

function texts<Flags extends string>(flags: Flags, help: string) {
  return new Option(flags, help).argParser((value: string, before: readonly string[] | undefined) => [
    ...(before ?? []),
    notEmpty(value),
  ]);
}
