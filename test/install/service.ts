/** The service on a machine, and a second host for it to talk to. */
import { until } from "../lab/run.ts";
import type { Machine } from "./machine.ts";

const SETTINGS = "/etc/default/makuosan";
/** All on one interface, in a group of their own: nothing of it leaves the machine. */
const NETWORK = "-i 127.0.0.1 -m 239.255.13.6";

/** Writes the service's settings and starts it anew. */
export async function configure(machine: Machine, settings: Readonly<Record<string, string>>): Promise<void> {
  const all = { MAKUOSAN_BASE: "/srv/site", MAKUOSAN_USER: "www-data", MAKUOSAN_OPTIONS: "", ...settings };
  const lines = Object.entries({
    ...all,
    MAKUOSAN_OPTIONS: `${NETWORK} --name first ${all.MAKUOSAN_OPTIONS}`,
  });
  machine.write(SETTINGS, lines.map(([name, value]) => `${name}=${value}\n`).join(""));
  // So that earlier starts do not count; a unit that never ran has nothing to forget.
  await machine.run(["systemctl", "reset-failed", "makuosan"]);
  await machine.must(["systemctl", "restart", "makuosan"]);
}

/** Adds to the unit what an administrator would, or takes it away (an empty text). */
export async function dropIn(machine: Machine, text: string): Promise<void> {
  const folder = "/etc/systemd/system/makuosan.service.d";
  await machine.must(["mkdir", "-p", folder]);
  machine.write(`${folder}/override.conf`, text);
  await machine.must(["systemctl", "daemon-reload"]);
}

/** Starts another host's daemon, as root, with base /srv/second, on the same machine; its console is at 127.0.0.2. */
export async function startSecond(machine: Machine, program: string): Promise<void> {
  const options = `${NETWORK} -n -b /srv/second --name second -l 127.0.0.2`;
  await machine.must(["mkdir", "-p", "/srv/second"]);
  const kind = ["--unit=second", "--property=Type=notify", "--quiet"];
  await machine.must(["systemd-run", ...kind, program, ...options.split(" ")]);
}

/** Console of the service's daemon, and of the second host's. */
export const FIRST = "tcp:127.0.0.1:5000";
export const SECOND = "tcp:127.0.0.2:5000";

/** Runs msync at a console; it has to succeed. */
export function msync(machine: Machine, target: string, ...args: string[]): Promise<string> {
  return machine.must(["msync", "-c", target, ...args]);
}

/** Waits until a daemon lists exactly this other member. */
export async function knows(machine: Machine, target: string, name: string): Promise<void> {
  await until(`${target} knows ${name}`, async () => {
    const listed = await msync(machine, target, "--complete-hosts");
    return listed === `${name}\n` ? true : undefined;
  });
}

/** Some facts of /proc/PID/status, by name, words parted by single blanks. */
export async function processStatus(machine: Machine, pid: string): Promise<Record<string, string>> {
  const text = await machine.must(["cat", `/proc/${pid}/status`]);
  return Object.fromEntries(
    text.split("\n").map((line) => {
      const [name = "", ...value] = line.split(/:?\s+/);
      return [name, value.join(" ").trim()];
    }),
  );
}
