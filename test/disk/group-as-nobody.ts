import { assumeIdentity } from "../../src/io/privileges.ts";
import { NOBODY } from "./nobody.ts";
import { manifestOf, told } from "./owner.ts";
import { renewSys } from "./support.ts";

/**
 * The manifest of argv[2] for a push that gives the group argv[3], by nobody, who is in the group argv[4] as well; "dry" in argv[5] makes it a
 * dry run. Prints groups by path, and problems. Not a test: `source-group.test.ts` starts it.
 */
process.chdir("/");
const [from, gid, member, dry] = process.argv.slice(2);
if (from === undefined) throw new Error("a directory is needed");
assumeIdentity({ uid: NOBODY, gid: NOBODY, groups: [Number(member)] });
renewSys();
const result = manifestOf({ from, task: { gid: Number(gid) }, dryRun: dry === "dry" });
const groups = result.entries.map((entry) => `${Buffer.from(entry.path).toString("latin1")} ${entry.gid}`);
console.log(JSON.stringify({ groups, problems: told(result) }));
