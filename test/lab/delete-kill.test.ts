/** Whoever dies in the middle of a push that also removes: every other tree is wholly the old one or wholly the new one. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import type { Daemon } from "./daemon.ts";
import { differences, leftovers } from "./judge.ts";
import { type Host, Lab } from "./lab.ts";
import { must, until } from "./run.ts";
import { expectEqual, others, push } from "./scenario.ts";

/** Rounds of which each kills one host; the environment's MAKUOSAN_LAB_KILLS changes it. */
const ROUNDS = Number(process.env.MAKUOSAN_LAB_KILLS ?? 12);
/** With this limit the content takes a while, so that moments mean something. */
const ARGS = ["-T", "400"];
const PUSH = ["-r", "--delete"];
const CONTENT_BYTES = 8 << 20;
const LEFTOVER_MS_MAX = 10_000;

/** One of the two trees between which the rounds go back and forth. */
type Version = "A" | "B";

/** What the killer waits for: a share of an undisturbed push's time, or a sight of some receiver's tree. */
type Moment = { readonly share: number } | { readonly sight: "staging" | "first new name" | "first removal" };

/** Sights alternate with times, and each meets each kind of victim. */
function momentOf(round: number): Moment {
  const sights = ["first new name", "first removal", "staging"] as const;
  const sight = sights[Math.floor(round / 2) % sights.length];
  return round % 2 === 0 && sight !== undefined ? { sight } : { share: Math.random() * 1.1 };
}

function other(version: Version): Version {
  return version === "A" ? "B" : "A";
}

/** Fills a folder with one version: every name of it is new, gone, another kind of thing, or has other bytes in the other one. */
function makeVersion(folder: string, version: Version): void {
  for (let i = 0; i < 200; i++) {
    mkdirSync(`${folder}/files/${i % 10}`, { recursive: true });
    writeFileSync(`${folder}/files/${i % 10}/${i}`, `${version} ${i}\n`.repeat(1 + (i % 30)));
    mkdirSync(`${folder}/only-${version}/${i % 20}/deep`, { recursive: true });
    writeFileSync(`${folder}/only-${version}/${i % 20}/deep/${i}`, version);
    writeFileSync(`${folder}/flat-${version}-${i}`, version);
  }
  mkdirSync(`${folder}/kinds`);
  if (version === "A") writeFileSync(`${folder}/kinds/x`, version);
  else mkdirSync(`${folder}/kinds/x/with/names/in`, { recursive: true });
  if (version === "B") symlinkSync("x", `${folder}/kinds/y`);
  else mkdirSync(`${folder}/kinds/y/too`, { recursive: true });
  writeFileSync(`${folder}/aa-first-${version}`, version);
  writeFileSync(`${folder}/large`, new Uint8Array(CONTENT_BYTES).fill(version.charCodeAt(0)));
}

/** Hosts, the daemons that run on them, and the two versions. */
class Field {
  readonly lab: Lab;
  readonly #daemons: Daemon[];
  #undisturbedMs = 0;

  private constructor(lab: Lab, daemons: Daemon[]) {
    this.lab = lab;
    this.#daemons = daemons;
  }

  /** All hosts have version A. */
  static async create(lab: Lab): Promise<Field> {
    const field = new Field(lab, await lab.startAll({ args: ARGS }));
    for (const version of ["A", "B"] as const) {
      mkdirSync(field.#folder(version));
      makeVersion(field.#folder(version), version);
    }
    await field.#offer("B");
    await push(lab.host(1), PUSH);
    await field.#offer("A");
    field.#undisturbedMs = (await push(lab.host(1), PUSH)).ms;
    return field;
  }

  /** One round: offers `version`, kills a host, looks at the others, brings it back, and makes all equal. Returns whether it was in time. */
  async round(version: Version, victim: Host, moment: Moment): Promise<"during" | "after"> {
    const sender = this.lab.host(1);
    await this.#offer(version);
    let over = false;
    const pushing = sender.msync(PUSH).finally(() => {
      over = true;
    });
    await this.#wait(moment, version, () => over);
    const when = over ? "after" : "during";
    this.#daemons[victim.index - 1]?.killNow();
    const result = await pushing;
    const survivors = others(this.lab).filter((host) => host !== victim);
    // A sender that is back tells them at once that nothing will come any more; otherwise they would wait for it.
    if (victim === sender) await this.#revive(victim);
    await Promise.all(survivors.map((host) => this.#expectWhole(host, version, { victim, moment })));
    if (result.status !== 0) {
      expect(result.status).toBe(1);
      expect(result.stderr).toMatch(/^error: /);
      if (victim !== sender) {
        expect(result.stderr).toContain(victim.name);
        for (const host of survivors) expect(result.stderr).not.toContain(host.name);
      }
    }
    if (victim !== sender) await this.#revive(victim);
    await push(sender, PUSH);
    await expectEqual(sender, others(this.lab));
    for (const host of this.lab.hosts) expect(await leftovers(host.path())).toEqual([]);
    return when;
  }

  #folder(version: Version): string {
    return `${this.lab.host(1).path()}-version-${version}`;
  }

  /** Makes the sender's base that version. */
  async #offer(version: Version): Promise<void> {
    const rsync = "rsync -a --delete --checksum --modify-window=-1".split(" ");
    const base = this.lab.host(1).path();
    await must([...rsync, `${this.#folder(version)}/`, `${base}/`]);
    expect(await differences(this.#folder(version), base)).toEqual([]);
  }

  async #wait(moment: Moment, version: Version, over: () => boolean): Promise<void> {
    if ("share" in moment) return Bun.sleep(moment.share * this.#undisturbedMs);
    const seen = (host: Host): boolean => {
      const base = host.path();
      if (moment.sight === "staging") return existsSync(`${base}/.makuosan-stage`);
      if (moment.sight === "first new name") return existsSync(`${base}/aa-first-${version}`);
      return !existsSync(`${base}/aa-first-${other(version)}`);
    };
    // As often as can be: what is waited for lasts some milliseconds.
    while (!over() && !others(this.lab).some(seen)) await new Promise(setImmediate);
  }

  /** Where the sender lives, a survivor has the new version; else one of the two. */
  async #expectWhole(host: Host, version: Version, what: { victim: Host; moment: Moment }): Promise<void> {
    const { victim, moment } = what;
    await this.#settle(host);
    const versions = victim.index === 1 ? [version, other(version)] : [version];
    const found = await Promise.all(versions.map((one) => differences(this.#folder(one), host.path())));
    const whole = found.some((lines) => lines.length === 0);
    const shown = whole ? [] : found.map((lines) => lines.slice(0, 20));
    const round = { host: host.name, victim: victim.name, moment };
    expect({ ...round, differences: shown }).toEqual({ ...round, differences: [] });
  }

  /** Waits until a surviving receiver has finished with the push, one way or the other. */
  async #settle(host: Host): Promise<void> {
    await until(
      `${host.name} to clean up`,
      () => (existsSync(`${host.path()}/.makuosan-stage`) ? undefined : true),
      { timeoutMs: LEFTOVER_MS_MAX },
    );
  }

  async #revive(victim: Host): Promise<void> {
    await this.#daemons[victim.index - 1]?.ended();
    this.#daemons[victim.index - 1] = await victim.daemon({ args: ARGS });
    await this.lab.settled(this.lab.hosts);
  }

  [Symbol.dispose](): void {
    for (const version of ["A", "B"] as const)
      rmSync(this.#folder(version), { recursive: true, force: true });
  }
}

describe("a host killed in the middle of --delete", () => {
  test(
    `${ROUNDS} times, at as many moments: every other tree is whole, and the next push makes all equal`,
    async () => {
      await using lab = await Lab.create({ hosts: 5 });
      using field = await Field.create(lab);
      let version: Version = "B";
      let during = 0;
      for (let round = 0; round < ROUNDS; round++) {
        // The sender at every other sight, the receivers in turn.
        const victim = round % 4 < 2 ? lab.host(1) : lab.host(2 + (Math.floor(round / 4) % 4));
        if ((await field.round(version, victim, momentOf(round))) === "during") during += 1;
        version = other(version);
      }
      expect(during).toBeGreaterThanOrEqual(ROUNDS / 2);
    },
    60_000 + ROUNDS * 20_000,
  );
});
