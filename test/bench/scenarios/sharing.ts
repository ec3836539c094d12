/** Two pushes at once from two hosts, and a push beside a TCP stream: each gets its part of the links. */

import type { Host } from "../../lab/lab.ts";
import { must, run, until } from "../../lab/run.ts";
import { randomFile } from "../../lab/scenario.ts";
import type { BenchLab } from "../bench-lab.ts";
import { median } from "../contender.ts";
import { Launcher } from "../launcher.ts";
import { LINK_MBIT, payloadRate, tcpRate } from "../line.ts";
import type { Scribe } from "../report.ts";
import { labFor, type Scenario, type Settings } from "../scenario.ts";

const PORT = 5_201;
/** A TCP stream is up to speed. */
const START_MS = 1_000;
const QUARTER = { target: 25, unit: "%" };

/** Hosts 1 and 2 send, 3 to 5 receive. */
export const sharing: Scenario = {
  name: "sharing",
  title: `Two pushes at once, and a push beside TCP, over links of ${LINK_MBIT} Mbit/s`,
  run: async (settings, scribe) => {
    await using bench = await labFor(settings, { receivers: 4, wire: { rateMbit: LINK_MBIT } });
    const mebibytes = settings.quick ? 16 : 64;
    const two = await Launcher.start(bench.lab.host(2));
    const parties = [
      new Party(bench, bench.sender, bench.launcher),
      new Party(bench, bench.lab.host(2), two),
    ] as const;
    for (const party of parties) await randomFile(party.host, party.file, mebibytes);
    scribe.note(`${mebibytes} MiB from each of two hosts to the same three others.`);
    await pushes(parties, settings, scribe);
    await besideTcp(bench, parties[0], { settings, scribe, mebibytes });
  },
};

/** A host that pushes a file of its own to the three receivers. */
class Party {
  readonly host: Host;
  readonly file: string;
  readonly #bench: BenchLab;
  readonly #launcher: Launcher;

  constructor(bench: BenchLab, host: Host, launcher: Launcher) {
    this.host = host;
    this.file = `from-${host.name}`;
    this.#bench = bench;
    this.#launcher = launcher;
  }

  get targets(): readonly Host[] {
    return this.#bench.lab.hosts.slice(2);
  }

  /** Seconds of one push to hosts that have nothing. */
  async push(): Promise<number> {
    const names = this.targets.map(({ name }) => name).join(",");
    return this.#launcher.measure([[...this.host.msyncCommand, "-t", names, this.file]]);
  }

  async clear(): Promise<void> {
    for (const target of this.targets) await target.shell(`rm -f ${target.base}/${this.file}`);
  }

  async check(): Promise<void> {
    const [here, copies] = [
      `${this.host.path()}/${this.file}`,
      this.targets.map((host) => `${host.path()}/${this.file}`),
    ];
    for (const copy of copies) await must(["cmp", here, copy]);
  }
}

async function pushes(parties: readonly [Party, Party], settings: Settings, scribe: Scribe): Promise<void> {
  const alone: [number[], number[]] = [[], []];
  const together: [number[], number[]] = [[], []];
  for (const party of parties) await party.push(); // The first one warms everything up.
  for (let round = 1; round <= settings.rounds; round++) {
    for (const party of parties) await party.clear();
    for (const at of [0, 1] as const) alone[at].push(await parties[at].push());
    for (const party of parties) await party.clear();
    const times = await Promise.all(parties.map((party) => party.push()));
    for (const at of [0, 1] as const) together[at].push(times[at] ?? Number.NaN);
    for (const party of parties) await party.check();
    settings.say(
      `round ${round}: alone ${alone.map((one) => one.at(-1)?.toFixed(2))} s, together ${together.map((one) => one.at(-1)?.toFixed(2))} s`,
    );
  }
  for (const at of [0, 1] as const) {
    const { name } = parties[at].host;
    const before = scribe.series(`${name} alone`, alone[at]);
    const ratio = scribe.series(`${name}, both at once`, together[at]) / before;
    scribe.check(`the time of ${name} alone, both at once`, ratio, ">=", { target: 1.7, unit: "×" });
    scribe.check(`the time of ${name} alone, both at once`, ratio, "<=", { target: 2.3, unit: "×" });
  }
}

type Tcp = { readonly settings: Settings; readonly scribe: Scribe; readonly mebibytes: number };

/** The stream comes from the host that pushes, or from another to one of the receivers. */
async function besideTcp(bench: BenchLab, party: Party, given: Tcp): Promise<void> {
  const { settings, scribe } = given;
  const server = bench.lab.host(3);
  await server.shell(`iperf3 -s -D -p ${PORT} </dev/null >/dev/null 2>&1`);
  await until("iperf3", async () =>
    (await server.exec(["bash", "-c", `exec 3<>/dev/tcp/127.0.0.1/${PORT}`])).status === 0 ? true : undefined,
  );
  for (const client of [party.host, bench.lab.host(2)]) {
    const [shares, streams]: [number[], number[]] = [[], []];
    const rounds = settings.quick ? 1 : settings.rounds;
    for (let round = 1; round <= rounds; round++) {
      await party.clear();
      const stream = new Stream(client, server, 4 * (given.mebibytes / 16));
      await Bun.sleep(START_MS);
      const from = stream.elapsed();
      const seconds = await party.push();
      const to = stream.elapsed();
      streams.push(((await stream.rate(from, to)) / tcpRate()) * 100);
      shares.push((given.mebibytes * 2 ** 20 * 100) / seconds / payloadRate());
      await party.check();
      settings.say(
        `TCP from ${client.name}: the push has ${shares.at(-1)?.toFixed(0)} %, TCP ${streams.at(-1)?.toFixed(0)} %`,
      );
    }
    const what = client === party.host ? "from the same host" : "to one of the receivers";
    scribe.series(`share of the push, TCP ${what}`, shares, { unit: "%" });
    scribe.series(`share of TCP, ${what}`, streams, { unit: "%" });
    scribe.check(`of the link for the push, TCP ${what}`, median(shares), ">=", QUARTER);
    scribe.check(`of the link for TCP, ${what}`, median(streams), ">=", QUARTER);
  }
}

/** One iperf3 for a fixed time. */
class Stream {
  readonly #started = performance.now();
  readonly #result: ReturnType<typeof run>;

  constructor(client: Host, server: Host, seconds: number) {
    const options = [
      "-c",
      server.address,
      "-p",
      String(PORT),
      "-t",
      String(Math.ceil(seconds)),
      "-i",
      "0.1",
      "-J",
    ];
    this.#result = run(client.namespace.command(["iperf3", ...options]));
  }

  /** Seconds since it started. */
  elapsed(): number {
    return (performance.now() - this.#started) / 1_000;
  }

  /** Bytes per second between two moments of it. Waits for its end. */
  async rate(from: number, to: number): Promise<number> {
    const { stdout, stderr } = await this.#result;
    const intervals = intervalsOf(stdout).filter(({ start, end }) => start >= from && end <= to);
    if (intervals.length === 0)
      throw new Error(`iperf3 measured nothing in the time of the push: ${stdout.slice(-300)}${stderr}`);
    const bytes = intervals.reduce((sum, interval) => sum + interval.bytes, 0);
    return bytes / intervals.reduce((sum, interval) => sum + interval.end - interval.start, 0);
  }
}

type Interval = { readonly start: number; readonly end: number; readonly bytes: number };

function intervalsOf(text: string): Interval[] {
  const report = JSON.parse(text) as { intervals?: readonly { sum: Interval }[] };
  return (report.intervals ?? []).map(({ sum }) => sum);
}
