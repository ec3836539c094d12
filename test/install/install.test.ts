/** `make install` and `make uninstall`, into folders of their own. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { must, run } from "../lab/run.ts";
import { buildExecutable, makeInstall, makeUninstall, ROOT } from "./package.ts";

const folder = mkdtempSync(join(tmpdir(), "makuosan-install-"));
let count = 0;

beforeAll(buildExecutable, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A root folder of its own for a test. */
const emptyRoot = () => mkdtempSync(join(folder, `${++count}-`));

/** What is not a folder, with its mode. */
async function filesBelow(root: string): Promise<string[]> {
  const found = await must(["find", root, "!", "-type", "d", "-printf", "%m %P\n"]);
  return found.split("\n").filter(Boolean).sort();
}

const FILES = [
  "644 lib/systemd/system/makuosan.service",
  "644 lib/sysctl.d/50-makuosan.conf",
  "644 share/bash-completion/completions/makuosan",
  "644 share/bash-completion/completions/msync",
  "644 share/doc/makuosan/PROTOCOL.md",
  "644 share/doc/makuosan/README.md",
  "644 share/doc/makuosan/copyright",
  "644 share/doc/makuosan/curves.svg",
  "644 share/fish/vendor_completions.d/makuosan.fish",
  "644 share/fish/vendor_completions.d/msync.fish",
  "644 share/makuosan/console.schema.json",
  "644 share/man/man1/msync.1",
  "644 share/man/man8/makuosan.8",
  "644 share/zsh/site-functions/_makuosan",
  "644 share/zsh/site-functions/_msync",
  "755 sbin/makuosan",
  "777 bin/msync",
];

/** The same below a prefix. */
const below = (prefix: string, extra: string) =>
  [...FILES.map((line) => line.replace(" ", ` ${prefix}/`)), extra].sort();

describe("make install", () => {
  for (const { variables, prefix, etc } of [
    { variables: [], prefix: "usr/local", etc: "etc" },
    { variables: ["PREFIX="], prefix: "usr/local", etc: "etc" },
    { variables: ["PREFIX=/usr"], prefix: "usr", etc: "etc" },
    { variables: ["PREFIX=/opt/makuosan/"], prefix: "opt/makuosan", etc: "opt/makuosan/etc" },
  ]) {
    test(`${variables.join(" ") || "without a prefix"}: every file in its place, and gone after make uninstall`, async () => {
      const root = emptyRoot();
      await makeInstall(`DESTDIR=${root}`, ...variables);
      expect(await filesBelow(root)).toEqual(below(prefix, `644 ${etc}/default/makuosan`));
      expect(readlinkSync(join(root, prefix, "bin/msync"))).toBe("../sbin/makuosan");
      const unit = readFileSync(join(root, prefix, "lib/systemd/system/makuosan.service"), "utf8");
      expect(unit).toContain(`\nExecStart=!/${prefix}/sbin/makuosan -n $MAKUOSAN_OPTIONS\n`);
      expect(unit).toContain(`\nEnvironmentFile=-/${etc}/default/makuosan\n`);
      expect(unit).not.toMatch(/@[A-Z]+@/);
      await makeUninstall(`DESTDIR=${root}`, ...variables);
      expect(await filesBelow(root)).toEqual([]);
      for (const own of ["share/makuosan", "share/doc/makuosan"])
        expect(existsSync(join(root, prefix, own))).toBe(false);
    });
  }

  test("every link of the README leads somewhere", async () => {
    const root = emptyRoot();
    await makeInstall(`DESTDIR=${root}`);
    const doc = join(root, "usr/local/share/doc/makuosan");
    const links = [...readFileSync(join(doc, "README.md"), "utf8").matchAll(/\]\(([^)]*)\)/g)].map(
      ([, to]) => to,
    );
    const files = links.filter((to) => to !== undefined && !/^https?:/.test(to));
    expect(files).toContain("PROTOCOL.md");
    for (const file of files) expect(existsSync(join(doc, file ?? ""))).toBe(true);
  });

  test("both programs run from there", async () => {
    const root = emptyRoot();
    await makeInstall(`DESTDIR=${root}`);
    const { version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")) as { version: string };
    expect(await must([join(root, "usr/local/sbin/makuosan"), "--version"])).toBe(`makuosan ${version}\n`);
    expect(await must([join(root, "usr/local/bin/msync"), "--version"])).toBe(`msync ${version}\n`);
  });

  test("under a strict umask everybody can use it all the same", async () => {
    const root = emptyRoot();
    await must(["sh", "-c", 'umask 077; exec make -s -C "$1" install "DESTDIR=$2"', "sh", ROOT, root]);
    const closed = await must(["find", root, "-mindepth", "1", "!", "-type", "l", "!", "-perm", "-044"]);
    expect(closed).toBe("");
  });

  test("leaves settings alone that are there, and make uninstall those that were changed", async () => {
    const root = emptyRoot();
    const settings = join(root, "etc/default/makuosan");
    await makeInstall(`DESTDIR=${root}`);
    appendFileSync(settings, "MAKUOSAN_PORT=6000\n");
    const changed = readFileSync(settings, "utf8");
    expect(await makeInstall(`DESTDIR=${root}`)).toBe(`install: ${settings} exists and stays as it is\n`);
    expect(readFileSync(settings, "utf8")).toBe(changed);
    expect(await makeUninstall(`DESTDIR=${root}`)).toBe(`uninstall: ${settings} was changed and stays\n`);
    expect(await filesBelow(root)).toEqual(["644 etc/default/makuosan"]);
  });

  test("replaces a program that runs, and make uninstall leaves what is somebody else's", async () => {
    const root = emptyRoot();
    await makeInstall(`DESTDIR=${root}`);
    const program = join(root, "usr/local/sbin/makuosan");
    const before = statSync(program).ino;
    const others = join(root, "usr/local/share/makuosan/mine");
    writeFileSync(others, "");
    await makeInstall(`DESTDIR=${root}`);
    expect(statSync(program).ino).not.toBe(before);
    await must(["ln", "-sfn", "/elsewhere", join(root, "usr/local/bin/msync")]);
    await makeUninstall(`DESTDIR=${root}`);
    expect((await filesBelow(root)).map((line) => line.slice(4))).toEqual([
      "usr/local/share/makuosan/mine",
      "usr/local/bin/msync",
    ]);
  });

  test("the service's user can be another one", async () => {
    const root = emptyRoot();
    await makeInstall(`DESTDIR=${root}`, "SERVICE_USER=http");
    const unit = readFileSync(join(root, "usr/local/lib/systemd/system/makuosan.service"), "utf8");
    expect(unit).toContain("\nUser=http\n");
    expect(readFileSync(join(root, "etc/default/makuosan"), "utf8")).toContain("\nMAKUOSAN_USER=http\n");
    await makeUninstall(`DESTDIR=${root}`, "SERVICE_USER=http");
    expect(await filesBelow(root)).toEqual([]);
  });

  for (const { variable, says } of [
    { variable: "PREFIX=usr", says: "install: PREFIX=usr is not an absolute path\n" },
    {
      variable: "PREFIX=/a b",
      says: "install: PREFIX=/a b has characters that a systemd unit cannot take\n",
    },
    { variable: "SERVICE_USER=a|b", says: "install: SERVICE_USER=a|b is not the name of a user\n" },
  ]) {
    test(`${variable}: one line, and nothing is installed`, async () => {
      const root = emptyRoot();
      const { status, stderr } = await run([
        "make",
        "-s",
        "-C",
        ROOT,
        "install",
        `DESTDIR=${root}`,
        variable,
      ]);
      expect(status).toBe(2);
      expect(stderr.startsWith(says)).toBe(true);
      expect(await filesBelow(root)).toEqual([]);
    });
  }
});
