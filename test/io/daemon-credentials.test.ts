import { expect, test } from "bun:test";
import { Credentials, differenceOf } from "../../src/io/daemon-credentials.ts";

/** What of a thread's ids is not as it should be, however little. */

const identity = { uid: 33, gid: 34, groups: [4, 1] };

function status(changes: Readonly<Record<string, string>> = {}): string {
  const fields = {
    Name: "engine",
    Uid: "33\t33\t33\t33",
    Gid: "34\t34\t34\t34",
    FDSize: "64",
    Groups: "1 4 ",
    NStgid: "7",
    CapPrm: "0000000000000000",
    ...changes,
  };
  return Object.entries(fields)
    .map(([name, value]) => `${name}:\t${value}\n`)
    .join("");
}

test("a thread that is whom it should be", () => {
  expect(differenceOf(status(), identity)).toBeUndefined();
  expect(differenceOf(status({ Groups: "" }), { ...identity, groups: [] })).toBeUndefined();
  const root = { uid: 0, gid: 34, groups: [1, 4] };
  const all = { Uid: "0\t0\t0\t0", CapPrm: "000001ffffffffff" };
  expect(differenceOf(status(all), root)).toBeUndefined();
});

test("each of the four ids of both kinds counts", () => {
  for (const [field, own] of [
    ["Uid", 33],
    ["Gid", 34],
  ] as const) {
    for (let at = 0; at < 4; at++) {
      const ids = [own, own, own, own].map((id, index) => (index === at ? 0 : id)).join("\t");
      expect(differenceOf(status({ [field]: ids }), identity)).toBe(`${field.toLowerCase()}s ${ids}`);
    }
  }
});

test("groups that are too many, too few, or others; and capabilities that were kept", () => {
  for (const Groups of ["0 1 4", "1", "", "1 5"])
    expect(differenceOf(status({ Groups }), identity)).toBe(`groups ${Groups}`);
  expect(differenceOf(status({ Groups: "1" }), { ...identity, groups: [] })).toBe("groups 1");
  const CapPrm = "0000000000000080";
  expect(differenceOf(status({ CapPrm }), identity)).toBe(`capabilities ${CapPrm}`);
});

test("the threads of this process are looked at", () => {
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0];
  const groups = process.getgroups?.() ?? [];
  expect(() => new Credentials().check({ uid, gid, groups })).not.toThrow();
  expect(() => new Credentials().check({ uid: uid + 1, gid, groups })).toThrow(
    `cannot give up privileges: a thread still has uids ${[uid, uid, uid, uid].join("\t")}`,
  );
});
