import { expect, test } from "bun:test";
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { BlockKind } from "../../src/wire/constants.ts";
import {
  CAPACITY,
  differences,
  interpose,
  type PushResult,
  push,
  receiver,
  run,
  tools,
  workspace,
} from "./support.ts";
import { noise } from "./tree.ts";

/** The sender's files change while a push reads them. Trees have `big`, in the middle of which the change comes, and two files around it. */

const BIG = 6 * CAPACITY;
/** Manifest, plan, then content: the third content block lies within `big`. */
const MIDDLE = 4;

function makeTree(base: string): void {
  mkdirSync(base);
  writeFileSync(`${base}/after`, "after");
  writeFileSync(`${base}/big`, noise(BIG));
  writeFileSync(`${base}/a-before`, "before");
}

function problems({ lines }: PushResult): string[] {
  return lines.flatMap((line) =>
    line.kind === "problem" ? [`${line.problem} ${Buffer.from(line.path).toString()} ${line.errno}`] : [],
  );
}

function kinds({ blocks }: PushResult): string {
  return blocks
    .map(({ blockKind }) => "mpcvac"[blockKind])
    .join("")
    .replace(/c+/g, "c");
}

function committed({ outcomes }: PushResult): boolean[] {
  return outcomes.map((outcome) => outcome.committed);
}

/** What `change` does to `big` comes once, while the file is being read. */
function pushWhile(root: string, change: (big: string) => void): PushResult {
  const to = ["b", "c"].map((name) => receiver(`${root}/${name}`));
  for (const { base } of to) if (!existsSync(base)) mkdirSync(base);
  const before = (moment: number | "commit") => {
    if (moment === MIDDLE) change(`${root}/a/big`);
  };
  return push({ from: `${root}/a`, to, before });
}

test.each<[string, (big: string) => void]>([
  ["written over in the same length", (big) => writeFileSync(big, noise(BIG, 2))],
  ["made longer", (big) => appendFileSync(big, noise(2 * CAPACITY, 3))],
  ["cut off", (big) => truncateSync(big, CAPACITY)],
  ["emptied", (big) => truncateSync(big, 0)],
  ["given another mode", (big) => chmodSync(big, 0o4711)],
  ["given another time", (big) => utimesSync(big, 1, 2)],
  [
    "written to and given its old time back",
    (big) => {
      run("sh", [
        "-c",
        `cp -p ${big} ${big}.old && printf x | dd of=${big} conv=notrunc status=none && touch -r ${big}.old ${big} && rm ${big}.old`,
      ]);
    },
  ],
  [
    "replaced by a rename",
    (big) => {
      writeFileSync(`${big}.new`, noise(BIG, 4));
      renameSync(`${big}.new`, big);
      // The file that is open stays as it was, so that its reading ends well; but for its link count.
    },
  ],
])("a file that is %s arrives whole in its newer form", (_, change) => {
  using space = workspace();
  makeTree(space.path("a"));
  const result = pushWhile(space.root, change);
  expect(result.message).toBeUndefined();
  expect(problems(result)).toEqual([]);
  expect(result.outcomes.map(({ failure }) => failure)).toEqual([undefined, undefined]);
  expect(committed(result)).toEqual([true, true]);
  expect(kinds(result)).toMatch(/^mpcvac?v$/);
  expect(result.blocks.map(({ final }) => final)).toEqual(
    result.blocks.map((_block, i) => i === result.blocks.length - 1),
  );
  run("touch", ["-r", space.path("b"), space.path("a")]);
  for (const name of ["b", "c"]) expect(differences(space.path("a"), space.path(name))).toBe("");
});

test("a receiver that had the older form gets the newer one, too", () => {
  using space = workspace();
  makeTree(space.path("a"));
  run("cp", ["-a", space.path("a"), space.path("c")]);
  const result = pushWhile(space.root, (big) => writeFileSync(big, noise(BIG + 5, 9)));
  expect(committed(result)).toEqual([true, true]);
  // It was passed the amendment's content only: its wishes were known for the first round.
  const content = result.blocks
    .filter(({ blockKind }) => blockKind === BlockKind.content)
    .map(({ block }) => block as number);
  expect(result.outcomes[1]?.taken.filter((block) => content.includes(block))).toHaveLength(7);
  for (const name of ["b", "c"]) expect(differences(space.path("a"), space.path(name))).toBe("");
});

test("a directory in which only an amendment changes a name keeps the sender's time", () => {
  using space = workspace();
  mkdirSync(space.path("a"));
  makeTree(space.path("a/d"));
  run("touch", ["-d", "2012-12-12 12:12:12.121212121", space.path("a/d")]);
  run("cp", ["-a", space.path("a"), space.path("c")]);
  const result = pushWhile(space.root, () => writeFileSync(space.path("a/d/big"), noise(BIG, 8)));
  expect(committed(result)).toEqual([true, true]);
  expect(result.outcomes[1]?.needs.every(({ update }) => update === undefined)).toBe(true);
  for (const name of ["b", "c"]) expect(differences(space.path("a"), space.path(name))).toBe("");
});

test("a receiver whose own file needs only metadata of the newer form gets only that", () => {
  using space = workspace();
  makeTree(space.path("a"));
  run("cp", ["-a", space.path("a"), space.path("c")]);
  run("sh", ["-c", `printf kept >> ${space.path("c/after")}; printf old >> ${space.path("c/after")}`]);
  const before = run("stat", ["-c", "%i", space.path("c/big")]);
  const result = pushWhile(space.root, (big) => chmodSync(big, 0o751));
  expect(committed(result)).toEqual([true, true]);
  expect(run("stat", ["-c", "%i", space.path("c/big")])).toBe(before);
  for (const name of ["b", "c"]) expect(differences(space.path("a"), space.path(name))).toBe("");
});

test("a file in a new directory that changes arrives in it", () => {
  using space = workspace();
  mkdirSync(space.path("a/new/sub"), { recursive: true });
  writeFileSync(space.path("a/new/sub/big"), noise(BIG));
  writeFileSync(space.path("a/new/other"), "other");
  symlinkSync("new/sub/big", space.path("a/big"));
  const result = pushWhile(space.root, () =>
    writeFileSync(space.path("a/new/sub/big"), noise(CAPACITY + 3, 7)),
  );
  expect(problems(result)).toEqual([]);
  expect(committed(result)).toEqual([true, true]);
  for (const name of ["b", "c"]) expect(differences(space.path("a"), space.path(name))).toBe("");
});

test("a file that changes each time it is read is reported, and its older form stays at the receivers", () => {
  using space = workspace();
  makeTree(space.path("a"));
  mkdirSync(space.path("b"));
  writeFileSync(space.path("b/big"), "as it was");
  let changes = 0;
  const before = (moment: number | "commit") => {
    if (typeof moment === "number" && moment >= 2) appendFileSync(space.path("a/big"), `${changes++}`);
  };
  const result = push({ from: space.path("a"), to: [receiver(space.path("b"))], before });
  expect(problems(result)).toEqual(["changed big 0"]);
  expect(kinds(result)).toBe("mpcvacvacvacv");
  expect(committed(result)).toEqual([true]);
  expect(readFileSync(space.path("b/big"), "utf8")).toBe("as it was");
  expect(readFileSync(space.path("b/after"), "utf8")).toBe("after");
  expect(readFileSync(space.path("b/a-before"), "utf8")).toBe("before");
  // Once it is quiet, the next push brings it.
  expect(committed(push({ from: space.path("a"), to: [receiver(space.path("b"))] }))).toEqual([true]);
  expect(differences(space.path("a"), space.path("b"))).toBe("");
});

test("a new file that never holds still is not made", () => {
  using space = workspace();
  makeTree(space.path("a"));
  mkdirSync(space.path("b"));
  const before = (moment: number | "commit") => {
    if (typeof moment === "number" && moment >= 2) writeFileSync(space.path("a/big"), noise(BIG, moment));
  };
  const result = push({ from: space.path("a"), to: [receiver(space.path("b"))], before });
  expect(problems(result)).toEqual(["changed big 0"]);
  expect(committed(result)).toEqual([true]);
  expect(existsSync(space.path("b/big"))).toBe(false);
});

test.each<[string, (big: string) => void, string]>([
  ["vanishes", (big) => unlinkSync(big), "vanished big 2"],
  [
    "is replaced by a link",
    (big) => {
      unlinkSync(big);
      symlinkSync("/etc/passwd", big);
    },
    "unreadable big 40",
  ],
  [
    "is replaced by a directory",
    (big) => {
      unlinkSync(big);
      mkdirSync(big);
    },
    "changed big 0",
  ],
  [
    "is replaced by a FIFO",
    (big) => {
      unlinkSync(big);
      run("mkfifo", [big]);
    },
    "changed big 0",
  ],
])("a file that %s before it is read is reported, and the rest arrives", (_, change, line) => {
  using space = workspace();
  makeTree(space.path("a"));
  mkdirSync(space.path("b"));
  const before = (moment: number | "commit") => {
    if (moment === 2) change(space.path("a/big"));
  };
  const result = push({ from: space.path("a"), to: [receiver(space.path("b"))], before });
  expect(problems(result)).toEqual([line]);
  expect(committed(result)).toEqual([true]);
  expect(existsSync(space.path("b/big"))).toBe(false);
  rmSync(space.path("a/big"), { recursive: true, force: true });
  run("touch", ["-r", space.path("b"), space.path("a")]);
  expect(differences(space.path("a"), space.path("b"))).toBe("");
});

test("a file that cannot be read to its end is reported, and the rest arrives", () => {
  using space = workspace();
  makeTree(space.path("a"));
  mkdirSync(space.path("b"));
  let reads = 0;
  const EIO = 5;
  const sys = interpose(tools.sys, (call) => (call === "read" && ++reads === 4 ? -EIO : undefined));
  const result = push({ from: space.path("a"), to: [receiver(space.path("b"))], source: { sys } });
  expect(problems(result)).toEqual(["unreadable big 5"]);
  expect(kinds(result)).toBe("mpcv");
  expect(committed(result)).toEqual([true]);
  expect(existsSync(space.path("b/big"))).toBe(false);
  expect(readFileSync(space.path("b/after"), "utf8")).toBe("after");
});
