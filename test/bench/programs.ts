/** The benchmark's own programs in C. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import { must } from "../lab/run.ts";

const SOURCES = resolve(import.meta.dir, "programs");
const BUILD = resolve(import.meta.dir, "../../build");

const PROGRAMS = {
  apart: ["apart.c"],
  launcher: ["launcher.c"],
  limit: ["limit.c", "limit-send.c", "limit-receive.c", "limit.h"],
} as const;

/** Where a program is. It is compiled if it is missing or older than its sources. */
export async function program(name: keyof typeof PROGRAMS): Promise<string> {
  const sources = PROGRAMS[name].map((file) => `${SOURCES}/${file}`);
  const built = `${BUILD}/${name}`;
  if (sources.some((source) => changed(source) > changed(built))) {
    const units = sources.filter((source) => source.endsWith(".c"));
    // Whoever starts the old one meanwhile shall have a whole one.
    const fresh = `${built}.${process.pid}`;
    const warnings = ["-Wall", "-Wextra", "-Wshadow", "-Werror"];
    await must(["gcc", "-std=gnu11", ...warnings, "-O2", "-o", fresh, ...units]);
    await must(["mv", "-f", fresh, built]);
  }
  return built;
}

function changed(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
