/** What the scenario tests have in common. */
import { expect } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import type { Daemon } from "./daemon.ts";
import { differences } from "./judge.ts";
import type { Host, Lab } from "./lab.ts";
import { must, type Result } from "./run.ts";

/** For tests that start a lab with daemons in it. */
export const SCENARIO_MS = 120_000;

/** Runs msync and expects what success is: status 0, nothing on stderr. */
export async function push(host: Host, args: readonly string[]): Promise<Result> {
  const result = await host.msync(args);
  expect({ args, status: result.status, stderr: result.stderr }).toEqual({ args, status: 0, stderr: "" });
  return result;
}

/** Expects that rsync finds no difference below the bases of `original` and each of the others. */
export async function expectEqual(original: Host, copies: readonly Host[]): Promise<void> {
  for (const copy of copies) {
    const found = await differences(original.path(), copy.path());
    expect({ host: copy.name, differences: found }).toEqual({ host: copy.name, differences: [] });
  }
}

/** The counters that `msync --status` shows, by name; one that is not shown is 0. */
export async function counters(host: Host): Promise<(name: string) => number> {
  const { stdout } = await push(host, ["--status"]);
  const values = new Map<string, number>();
  for (const line of stdout.split("\n")) {
    const found = /^([^:]+?) *: *(\d+)$/.exec(line);
    if (found?.[1] !== undefined) values.set(found[1], Number(found[2]));
  }
  return (name) => values.get(name) ?? 0;
}

/** A file of random bytes below a host's base. */
export async function randomFile(host: Host, name: string, mebibytes: number): Promise<void> {
  await must([
    "dd",
    "if=/dev/urandom",
    `of=${host.path()}/${name}`,
    "bs=1M",
    `count=${mebibytes}`,
    "status=none",
  ]);
}

/** Small files `small/0` … below a host's base, whose content says `mark`. */
export function smallFiles(host: Host, count: number, mark: string): void {
  mkdirSync(`${host.path()}/small`, { recursive: true });
  for (let i = 0; i < count; i++) {
    writeFileSync(`${host.path()}/small/${i}`, `${mark} ${i}\n`.repeat(1 + (i % 50)));
  }
}

/** The daemons' words, for the message of a failed test. */
export async function logs(daemons: readonly Daemon[]): Promise<string> {
  const texts = await Promise.all(daemons.map((daemon) => daemon.log()));
  return texts.map((text, i) => `--- daemon ${i + 1}\n${text}`).join("\n");
}

/** All hosts of a lab but the first. */
export function others(lab: Lab): Host[] {
  return lab.hosts.slice(1);
}
