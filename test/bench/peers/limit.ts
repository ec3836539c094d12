/** The limit: what the kernel can do (programs/limit.c). */
import type { Host } from "../../lab/lab.ts";
import type { BenchLab } from "../bench-lab.ts";
import type { Contender } from "../contender.ts";
import { program } from "../programs.ts";
import { Receivers } from "./receivers.ts";

const GROUP = ["239.7.7.7", "7707"] as const;

/** Moves one file below the base, with packets of the size of a push's. Its time is that of the data alone. */
export async function limit(bench: BenchLab, file: string): Promise<Contender> {
  const path = await program("limit");
  const at = (host: Host) => `${host.base}/${file}`;
  const receivers = new Receivers();
  const { sender } = bench;
  const argv = [path, "send", ...GROUP, sender.address, at(sender)];
  return {
    name: "the limit",
    prepare: () =>
      receivers.start(bench.receivers, (host) => [path, "receive", ...GROUP, host.address, at(host)]),
    run: async () => {
      await bench.launcher.measure([[...argv, String(bench.receivers.length), String(bench.mtu)]]);
      const [seconds] = bench.launcher.output().split(" ").map(Number);
      await receivers.ended();
      return { "": seconds ?? Number.NaN };
    },
  };
}
