import type { Entry } from "../wire/manifest.ts";
import type { Directories } from "./directories.ts";
import { FileReader } from "./file-reader.ts";
import { toLatin1 } from "./names.ts";
import { describe, look, type Seen } from "./scan.ts";
import { type Maker, ownerOf, type SourcePush, type SourceTools } from "./source-push.ts";
import { TURN_BYTES } from "./source-round.ts";
import { Errno } from "./sys.ts";

/** Reads files for their digests, while a manifest is made in which they are (PROTOCOL §10.1). Close it. */
export class FileChecker {
  readonly #tools: SourceTools;
  readonly #push: SourcePush;
  readonly #directories: Directories;
  readonly #digest: ReturnType<SourceTools["digest"]["open"]>;
  readonly #reader: FileReader;
  /** Bytes that were read since other pushes had their turn. */
  #turn = 0;

  /** The directories stay the caller's. */
  constructor(tools: SourceTools, push: SourcePush, directories: Directories) {
    this.#tools = tools;
    this.#push = push;
    this.#directories = directories;
    this.#digest = tools.digest.open();
    const { sys, arena } = tools;
    this.#reader = new FileReader({ sys, memory: arena.bytes, directories, digest: this.#digest });
  }

  close(): void {
    this.#reader.close();
    this.#digest.close();
  }

  /**
   * The entry of a file with its digest, or why there is none. A file that changed is looked at and read once more, so that the entry may be
   * another one than before. The memory at the push's target is used for reading; makes nothing but pauses.
   */
  *check(entry: Entry): Maker<Seen> {
    const path = toLatin1(entry.path);
    const first = yield* this.#read(entry);
    if (first.kind === "entry" || first.problem !== "changed") return first;
    const again = describe(path, look(this.#tools.sys, this.#directories, path), ownerOf(this.#tools));
    if (again === undefined) return { kind: "problem", path, problem: "vanished", errno: Errno.ENOENT };
    if (again.kind === "problem") return again;
    return again.entry.type === "file" ? yield* this.#read(again.entry) : first;
  }

  *#read(entry: Entry): Maker<Seen> {
    const reader = this.#reader;
    reader.open(entry);
    while (reader.good && reader.left > 0) {
      const bytes = Math.min(reader.left, this.#push.capacity);
      reader.read({ at: this.#push.target, bytes });
      this.#turn += bytes;
      if (this.#turn < TURN_BYTES) continue;
      this.#turn = 0;
      yield { kind: "pause", ms: 0 };
    }
    const { verdict } = reader.finish(0);
    const path = toLatin1(entry.path);
    if (verdict.status === "good") return { kind: "entry", entry: { ...entry, digest: verdict.digest } };
    if (verdict.status === "changed") return { kind: "problem", path, problem: "changed", errno: 0 };
    const { errno } = verdict;
    return { kind: "problem", path, problem: errno === Errno.ENOENT ? "vanished" : "unreadable", errno };
  }
}
