/** uftp: one file by multicast in passes, at a fixed rate. */
import type { Host } from "../../lab/lab.ts";
import type { BenchLab } from "../bench-lab.ts";
import type { Contender } from "../contender.ts";

/** Enough to keep the processors busy; more, or `-R -1`, as fast as the interface takes it, is no faster. */
const KBPS = 800_000;
/** Of sockets, and of what a receiver gathers before it writes: its manual advises much of both for fast networks. */
const BUFFER_BYTES = 16_777_216;
const CACHE_BYTES = 20_971_520;

/** Starts the receiving daemons, and gives the sender. `data` is its time as it prints it, without finding the receivers and ending; `whole` is all. */
export async function uftp(bench: BenchLab, file: string): Promise<Contender> {
  await Promise.all(bench.receivers.map(startDaemon));
  const { sender, launcher } = bench;
  const argv = [
    "uftp",
    ...["-Y", "none", "-R", String(KBPS), "-B", String(BUFFER_BYTES), "-I", "eth0", "-U", id(sender)],
    ...["-H", bench.receivers.map(id).join(","), `${sender.base}/${file}`],
  ];
  return {
    name: "uftp",
    run: async () => {
      const whole = await launcher.measure([argv]);
      const found = /Total elapsed time: ([\d.]+) seconds/.exec(launcher.output());
      if (found?.[1] === undefined)
        throw new Error(`uftp does not say how long it took:\n${launcher.output()}`);
      return { data: Number(found[1]), whole };
    },
  };
}

async function startDaemon(host: Host): Promise<void> {
  const options = `-D ${host.base} -I eth0 -U ${id(host)} -B ${BUFFER_BYTES} -c ${CACHE_BYTES} -q -L /srv/uftpd.log`;
  await host.shell(`uftpd ${options} </dev/null >/dev/null 2>&1`);
}

/** Its name in the group; the default is an address that the lab's hosts may share. */
function id(host: Host): string {
  return `0x0000${(0x1000 + host.index).toString(16)}`;
}
