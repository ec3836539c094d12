/** rsync, with a daemon on every receiver as an operator would set it up: no look-ups of names, whole files as they are sent. */
import type { Host } from "../../lab/lab.ts";
import { until } from "../../lab/run.ts";
import type { BenchLab } from "../bench-lab.ts";
import type { Contender } from "../contender.ts";

const PORT = 8730;

/** Starts the daemons, and gives the ways to use them. They end with the lab. */
export async function rsync(bench: BenchLab): Promise<{
  readonly sequential: Contender;
  readonly atOnce: Contender;
  /** To the first so many receivers only, at once. */
  readonly toFirst: (count: number) => Contender;
}> {
  await Promise.all(bench.receivers.map(startDaemon));
  const commands = bench.receivers.map((host) => {
    const target = `rsync://${host.address}:${PORT}/base/`;
    return ["rsync", "-a", "--whole-file", `${bench.sender.base}/`, target];
  });
  const { launcher } = bench;
  return {
    sequential: {
      name: "rsync, one after another",
      run: async () => {
        let seconds = 0;
        for (const command of commands) seconds += await launcher.measure([command]);
        return { "": seconds };
      },
    },
    atOnce: {
      name: `${commands.length} rsync at once`,
      run: async () => ({ "": await launcher.measure(commands) }),
    },
    toFirst: (count) => ({
      name: `rsync to ${count}`,
      run: async () => ({ "": await launcher.measure(commands.slice(0, count)) }),
    }),
  };
}

async function startDaemon(host: Host): Promise<void> {
  const lines = [
    "use chroot = no",
    "reverse lookup = no",
    "[base]",
    `path = ${host.base}`,
    "read only = no",
    "uid = 0",
    "gid = 0",
  ];
  await host.shell(`printf '%s\\n' '${lines.join("' '")}' > /srv/rsyncd.conf`);
  await host.shell(`rsync --daemon --config=/srv/rsyncd.conf --port=${PORT} </dev/null >/dev/null 2>&1`);
  await until(`${host.name}'s rsync daemon`, async () => {
    const answer = await host.exec(["rsync", `rsync://127.0.0.1:${PORT}/`]);
    return answer.status === 0 ? true : undefined;
  });
}
