/** udpcast: one file by multicast, slice by slice, each acknowledged by all. */
import type { BenchLab } from "../bench-lab.ts";
import type { Contender } from "../contender.ts";
import { Receivers } from "./receivers.ts";

/** Sends one file below the base. Full duplex, as its manual advises for switches. */
export function udpcast(bench: BenchLab, file: string): Contender {
  const receivers = new Receivers();
  const { sender } = bench;
  const network = ["--interface", "eth0", "--nokbd"];
  const count = String(bench.receivers.length);
  const start = ["--min-receivers", count, "--full-duplex", "--no-progress"];
  return {
    name: "udpcast",
    prepare: () =>
      receivers.start(bench.receivers, (host) => [
        "udp-receiver",
        "--file",
        `${host.base}/${file}`,
        "--no-progress",
        ...network,
      ]),
    run: async () => {
      const seconds = await bench.launcher.measure([
        ["udp-sender", "--file", `${sender.base}/${file}`, ...network, ...start],
      ]);
      await receivers.ended();
      return { "": seconds };
    },
  };
}
