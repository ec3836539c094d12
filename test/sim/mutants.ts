/** A deliberate fault: in `file`, the text `find`, which stands there exactly once, becomes `replace`. */
export type Mutant = {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
};

/** Faults that the simulator has to find. Each is one line of the engine as somebody could have written it. */
export const MUTANTS: readonly Mutant[] = [
  {
    name: "a receiver says that it is prepared, and commits, before anything is prepared",
    file: "src/engine/receiver.ts",
    find: `this.#core.out.stage({ kind: "prepare", key: this.key });`,
    replace: `this.onStage({ kind: "prepared", key: this.key }, this.owner.diesAt);`,
  },
  {
    name: "a repair of a single symbol is forgotten",
    file: "src/engine/repairs.ts",
    find: "this.#queue(block, whom, request.now);",
    replace: "if (added > 1) this.#queue(block, whom, request.now);",
  },
  {
    name: "a block's first symbol is never missed",
    file: "src/engine/gap-detector.ts",
    find: "for (let symbol = 0; symbol < end; symbol++) {",
    replace: "for (let symbol = 1; symbol < end; symbol++) {",
  },
  {
    name: "a request names the block after the one that has the gap",
    file: "src/engine/gap-detector.ts",
    find: "gaps.push({ block, missing, vain: repair.vain });",
    replace: "gaps.push({ block: (block + 1) as BlockIndex, missing, vain: repair.vain });",
  },
  {
    name: "a repeat lingers for ever",
    file: "src/engine/repairs.ts",
    find: "return request.now - (symbols.repeatedAt[symbol] ?? 0) < request.lingerUs;",
    replace: "return true;",
  },
  {
    name: "what was repeated to one in vain is never repeated to the group",
    file: "src/engine/repairs.ts",
    find: "direct.vain++;\n    return GROUP;",
    replace: "return asker;",
  },
  {
    name: "a repeat to one waits for ever for others that miss the same",
    file: "src/engine/repairs.ts",
    find: "direct.due = now + this.#gatherUs;",
    replace: "direct.due = now + 1e12;",
  },
  {
    name: "a dead member never expires",
    file: "src/engine/membership.ts",
    find: "return this.#intervalUs() * EXPIRY_INTERVALS;",
    replace: "return Number.POSITIVE_INFINITY;",
  },
  {
    name: "a report is acknowledged, but its failure is not stored",
    file: "src/engine/sender.ts",
    find: `if (target.phase !== "ended") this.#record(target, record);`,
    replace: `if (target.phase !== "ended" && record.kind !== "fail") this.#record(target, record);`,
  },
  {
    name: "the end of a push is ignored",
    file: "src/engine/incoming.ts",
    find: "receiver.close();\n        break;",
    replace: "break;",
  },
  {
    name: "a target that falls silent counts as complete",
    file: "src/engine/sender.ts",
    find: `this.#end(target, { kind: "lost", text });`,
    replace: `this.#end(target, { kind: "complete", updates: target.updates });`,
  },
  {
    name: "the map of wanted blocks is read one block too far",
    file: "src/engine/rx-window.ts",
    find: "const bit = block - this.#wanted.first;",
    replace: "const bit = block - this.#wanted.first + 1;",
  },
  {
    name: "what followed a broken block is not passed again",
    file: "src/engine/rx-window.ts",
    find: "if (block < this.#handed) this.#handed = block;",
    replace: "",
  },
  {
    name: "a sender's slot is free one block too early",
    file: "src/engine/send-window.ts",
    find: "for (; this.low < low && this.low < this.next;",
    replace: "for (; this.low <= low && this.low < this.next;",
  },
  {
    name: "the receivers' room is not looked at",
    file: "src/engine/target.ts",
    find: "return (this.#liveCount === 0 ? 0 : this.#limit.least) as BlockIndex;",
    replace: "return (this.#liveCount === 0 ? 0 : this.#limit.least + 1) as BlockIndex;",
  },
  {
    name: "the needs of all but the first receiver are dropped",
    file: "src/engine/needs.ts",
    find: "else orInto(union, need.content);",
    replace: "else orInto(union, union);",
  },
  {
    name: "a receiver gives its slots back while the disk still uses one",
    file: "src/engine/incoming.ts",
    find: `if (receiver.state !== "closed") continue;`,
    replace: `if (receiver.state !== "closing" && receiver.state !== "closed") continue;`,
  },
  {
    name: "nobody vouches for a commit",
    file: "src/engine/incoming.ts",
    find: "this.#vouches.set(text, { key, at, sent: false });",
    replace: "",
  },
  {
    name: "records that come twice are taken twice",
    file: "src/engine/sender.ts",
    find: "if (report.first + index !== target.reportNext) continue;",
    replace: "if (report.first + index > target.reportNext) continue;",
  },
  {
    name: "records after a lost report are taken, and those in it are not missed",
    file: "src/engine/sender.ts",
    find: "if (report.first + index !== target.reportNext) continue;",
    replace: "if (report.first + index < target.reportNext) continue;",
  },
  {
    name: "what is removed counts as told after its first part",
    file: "src/engine/answers.ts",
    find: "(!this.#removes || target.removals?.complete === true)",
    replace: "(!this.#removes || target.removals !== undefined)",
  },
  {
    name: "a part of the names overtakes what was said before it",
    file: "src/engine/report-stream.ts",
    find: "else this.#records.push(record);",
    replace: "else this.#records.unshift(record);",
  },
  {
    name: "the last part of the names is not sent",
    file: "src/engine/report-records.ts",
    find: "last = at === names.length;",
    replace: "last = at + each >= names.length;",
  },
  {
    name: "a push that only removes ends before it has",
    file: "src/engine/sender.ts",
    find: "updates === 0 && (removals?.count ?? 0) === 0",
    replace: "updates === 0",
  },
  {
    name: "a member that never receives is a target",
    file: "src/engine/outgoing.ts",
    find: `!member.noReceive || command.task.mode === "check"`,
    replace: "member !== undefined",
  },
];
