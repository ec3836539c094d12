/**
 * A machine with systemd as its first process: namespaces whose root is a layer in memory over the root of this one. Packages can be installed
 * in it and services started, and all of it is gone with the test's process.
 */
import { writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { childrenOf, must, type Result, type RunOptions, run, until } from "../lab/run.ts";

/** Where the machine finds what has changed since it was made, as the layer has it. */
const LAYER = "/.layer/upper";

/** The checkout is not there inside: what is installed has to do without it. */
const HIDDEN = resolve(import.meta.dir, "../..");

/** $1 is an empty folder, $2 what is hidden. */
const BOOT = `
set -eu
mount -t tmpfs -o mode=755 machine "$1"
mkdir "$1/upper" "$1/work" "$1/root"
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" machine "$1/root"
cd "$1/root"
mount -t proc proc proc
mount -t sysfs sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
for folder in run tmp dev; do mount -t tmpfs -o mode=755 machine $folder; done
chmod 1777 tmp
for device in null zero full random urandom tty; do
  mknod -m 666 dev/$device c $(stat -c '0x%t 0x%T' /dev/$device)
done
mkdir dev/pts dev/shm .layer
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
mount --bind "$1" .layer
if [ -d ".$2" ]; then mount -t tmpfs machine ".$2"; fi
# Images for containers have it: it forbids packages to start services.
rm -f usr/sbin/policy-rc.d
ip link set lo up
hostname machine
mkdir -p .old
pivot_root . .old
umount -l .old
rmdir .old
exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin container=test /lib/systemd/systemd --system --unit=basic.target
`;

/** A running machine. Ended by `await using` or `destroy`. */
export class Machine {
  readonly #holder: Bun.Subprocess<"ignore", "ignore", "pipe">;
  readonly #pid: number;

  private constructor(holder: Bun.Subprocess<"ignore", "ignore", "pipe">, pid: number) {
    this.#holder = holder;
    this.#pid = pid;
  }

  /** Boots a machine and waits until its service manager has nothing more to do. `folder` is an empty folder for its root. */
  static async boot(folder: string): Promise<Machine> {
    const unshare =
      "unshare --mount --propagation private --pid --fork --kill-child --net --uts --ipc --cgroup";
    const holder = Bun.spawn(
      ["setpriv", "--pdeathsig", "KILL", ...unshare.split(" "), "sh", "-c", BOOT, "sh", folder, HIDDEN],
      { stdin: "ignore", stdout: "ignore", stderr: "pipe" },
    );
    const pid = await until("the machine's first process", () => {
      if (holder.exitCode !== null) throw new Error(`the machine ended with ${holder.exitCode}`);
      return childrenOf(holder.pid)[0];
    });
    const machine = new Machine(holder, pid);
    await until("the service manager", async () => {
      if (holder.exitCode !== null)
        throw new Error(`no machine can be booted here: ${await holder.stderr.text()}`);
      const { stdout } = await machine.run(["systemctl", "is-system-running", "--wait"]);
      return /^(running|degraded)$/m.test(stdout) ? true : undefined;
    });
    return machine;
  }

  /** Where a path inside is found from outside. */
  path(inside: string): string {
    return `/proc/${this.#pid}/root${inside}`;
  }

  /** Runs a command inside. */
  run(argv: readonly string[], options?: RunOptions): Promise<Result> {
    return run([...`nsenter --target ${this.#pid} --all --`.split(" "), ...argv], options);
  }

  /** The same, and rejects unless its exit status is 0. Returns what it printed. */
  must(argv: readonly string[], options?: RunOptions): Promise<string> {
    return must([...`nsenter --target ${this.#pid} --all --`.split(" "), ...argv], options);
  }

  write(inside: string, text: string): void {
    writeFileSync(this.path(inside), text);
  }

  /** Properties of a unit, by name. */
  async show(unit: string, ...names: string[]): Promise<Record<string, string>> {
    const lines = (
      await this.must(["systemctl", "show", unit, ...names.flatMap((name) => ["-p", name])])
    ).split("\n");
    return Object.fromEntries(
      lines
        .filter(Boolean)
        .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
    );
  }

  /** Every path in which this machine differs from the one below it, with a letter for its type; `c` stands for a path that is gone. */
  async changes(): Promise<Set<string>> {
    const list = await this.must(["find", LAYER, "-mindepth", "1", "-printf", "%y /%P\\n"]);
    return new Set(list.split("\n").filter(Boolean));
  }

  async destroy(): Promise<void> {
    this.#holder.kill("SIGKILL");
    await this.#holder.exited;
    await until("the machine's end", () => (childrenOf(this.#pid).length === 0 ? true : undefined));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy();
  }
}
