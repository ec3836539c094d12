import { afterAll, beforeAll, expect, test } from "bun:test";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { absolutePath, readSecret } from "../../src/io/daemon-files.ts";

/** Files that hold a secret: what is read of them, and which are refused. */

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(`${tmpdir()}/makuosan-files-`);
});
afterAll(() => rmSync(folder, { recursive: true }));

function file(content: string | Uint8Array, mode = 0o600): string {
  const path = `${folder}/secret`;
  rmSync(path, { force: true });
  writeFileSync(path, content);
  chmodSync(path, mode);
  return path;
}

const secret = (path: string) => Buffer.from(readSecret(path, "password file")).toString("latin1");

test("the secret is the first line, as bytes, without its end", () => {
  expect(secret(file("word\n"))).toBe("word");
  expect(secret(file("word"))).toBe("word");
  expect(secret(file("word\r\nmore\n"))).toBe("word");
  expect(secret(file(" two words \nmore"))).toBe(" two words ");
  expect(secret(file(Uint8Array.of(0xff, 0, 0x80, 10)))).toBe("\xff\0\x80");
  expect(secret(file("x".repeat(4096)))).toBe("x".repeat(4096));
  expect(secret(file("word\n", 0o400))).toBe("word");
});

test("others than the owner may do nothing with it", () => {
  for (const bit of [0o040, 0o020, 0o010, 0o004, 0o002, 0o001]) {
    expect(() => readSecret(file("word\n", 0o600 | bit), "password file")).toThrow(
      `password file ${folder}/secret: others than its owner may read or write it; run: chmod 600 ${folder}/secret`,
    );
  }
});

test("what is no secret is refused", () => {
  const refused = (path: string, why: string) =>
    expect(() => readSecret(path, "key file")).toThrow(`key file ${path}: ${why}`);
  refused(`${folder}/none`, "No such file or directory");
  refused(file(""), "its first line is empty");
  refused(file("\nword"), "its first line is empty");
  refused(file("\r\n"), "its first line is empty");
  refused(file("x".repeat(4097)), "its first line has more than 4096 bytes");
  mkdirSync(`${folder}/directory`, { mode: 0o700 });
  refused(`${folder}/directory`, "this is no regular file");
  Bun.spawnSync(["mkfifo", "-m", "600", `${folder}/fifo`]);
  refused(`${folder}/fifo`, "this is no regular file");
  refused("/dev/null", "this is no regular file");
  symlinkSync("loop", `${folder}/loop`);
  refused(`${folder}/loop`, "Too many levels of symbolic links");
});

test("a path stays what it is when the working directory changes", () => {
  expect(absolutePath("/a/\xff")).toBe("/a/\xff");
  expect(absolutePath("s")).toBe(`${Buffer.from(process.cwd()).toString("latin1")}/s`);
});
