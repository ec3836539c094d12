/** The executable and packages of it, made for tests. */
import { join, resolve } from "node:path";
import { must } from "../lab/run.ts";

/** The checkout. */
export const ROOT = resolve(import.meta.dir, "../..");

/** Makes dist/makuosan, and dist/msync, if it is not up to date. */
export async function buildExecutable(): Promise<void> {
  await must(["make", "-C", ROOT, "dist/msync"]);
}

/** Makes a package of a version in `folder`, quickly; returns its path. The executable must be there. */
export async function buildPackage(folder: string, version: string): Promise<string> {
  const env = { DEB_VERSION: version, DEB_COMPRESSION: "-Zzstd" };
  const printed = await must(["sh", "-c", 'cd "$1" && sh share/deb/build.sh "$2"', "sh", ROOT, folder], {
    env,
  });
  return join(folder, printed.trim().split("/").at(-1) ?? "");
}

/** Installs into a root folder, as `make install` does, with variables of make. */
export async function makeInstall(...variables: string[]): Promise<string> {
  return must(["make", "-s", "-C", ROOT, "install", ...variables]);
}

/** The opposite. */
export async function makeUninstall(...variables: string[]): Promise<string> {
  return must(["make", "-s", "-C", ROOT, "uninstall", ...variables]);
}
