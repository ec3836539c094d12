import { bitmapBytes, setBit } from "../wire/bitmap.ts";
import { DIGEST_BYTES, FailStep } from "../wire/constants.ts";
import type { DiskFailure } from "../wire/disk-port.ts";
import type { Verdicts } from "../wire/verdict.ts";
import type { Builder } from "./builder.ts";
import { isTrouble } from "./errno.ts";
import { grownTo } from "./grow.ts";
import { Mark } from "./marks.ts";
import { SmallMaker } from "./small-maker.ts";
import { failure, protocolFailure, type StagePush, type StageTools } from "./stage-push.ts";
import { StreamDigest } from "./stream-digest.ts";
import { Errno, type Extent, type Fd, failed } from "./sys.ts";

/** Bits of a `wanted` answer at most: what is beyond is sent to us and ignored. 2.6 TB with blocks of 313 KB. */
const WANTED_BITS_MAX = 1 << 23;
/** Files of at least this size are written back as they come, not all at the end. */
const WRITE_BACK_BYTES_MIN = 1 << 20;

/** A file of a round: one stretch of content blocks and the verdicts on it (PROTOCOL §10.3, §10.4). */
export type RoundFile = { readonly number: number; readonly size: number; readonly wanted: boolean };
/** Those of a round, one after the other; each is good until the next. */
export type RoundFiles = { next(): RoundFile | undefined };

/** A content block: its bytes without their digest, and that, which is right. */
export type ContentForm = {
  readonly extent: Extent;
  readonly digest: Uint8Array;
  readonly compressed: boolean;
};

export type RoundOptions = {
  readonly tools: StageTools;
  readonly push: StagePush;
  readonly builder: Builder;
  /** Content blocks start here. */
  readonly firstBlock: number;
  /** The files in stream order; a fresh walk for each call. */
  readonly files: () => RoundFiles;
  /** Bytes of all files. */
  readonly bytes: number;
};

/** Takes the content blocks of one round and stages the files that are wanted here, then the verdicts on them. */
export class Round {
  readonly #options: RoundOptions;
  readonly #digest: StreamDigest;
  readonly #files: RoundFiles;
  readonly #judged: RoundFiles;
  /** File at the point where the stream is, and where in the stream it starts. */
  #file: RoundFile | undefined;
  #from = 0;
  /** The file that is being written, and how much of it has been. */
  #open: { readonly number: number; readonly fd: Fd; written: number } | undefined;
  /** Files that came whole in this block. */
  readonly #small: SmallMaker;
  /** Digests of the wanted files, in stream order. */
  #digests = new Uint8Array(64 * DIGEST_BYTES);
  #digested = 0;
  #checked = 0;

  constructor(options: RoundOptions) {
    this.#options = options;
    const { tools, push, builder, firstBlock } = options;
    this.#digest = new StreamDigest(tools.digest, { capacity: push.capacity, firstBlock });
    this.#small = new SmallMaker(tools.sys, builder, (digests) => this.#keepDigests(digests));
    this.#files = options.files();
    this.#judged = options.files();
    this.#file = this.#files.next();
  }

  /** Number of content blocks. */
  get blocks(): number {
    return Math.ceil(this.#options.bytes / this.#options.push.capacity);
  }

  /** Which content blocks have bytes of wanted files (PROTOCOL §6.3). The bits that fill up the last byte are set: what follows is wanted. */
  wanted(): Uint8Array {
    const bits = Math.min(this.blocks, WANTED_BITS_MAX);
    const bitmap = new Uint8Array(bitmapBytes(bits));
    const { capacity } = this.#options.push;
    const files = this.#options.files();
    let from = 0;
    for (let next = files.next(); next !== undefined; next = files.next()) {
      const { size, wanted } = next;
      const last = Math.min(bits, Math.ceil((from + size) / capacity));
      for (let bit = Math.floor(from / capacity); wanted && bit < last; bit++) setBit(bitmap, bit);
      from += size;
    }
    for (let bit = bits; bit < 8 * bitmap.length; bit++) setBit(bitmap, bit);
    return bitmap;
  }

  /** Takes content block number `block` of the push, which lies at `extent` without its digest, in a slot with room for a full one. */
  content(block: number, form: ContentForm): DiskFailure | undefined {
    const { firstBlock, bytes, push } = this.#options;
    const start = (block - firstBlock) * push.capacity;
    const end = Math.min(bytes, start + push.capacity);
    if (start < 0 || start >= bytes) return protocolFailure();
    const extent = { at: form.extent.at, bytes: end - start };
    const whole = form.compressed
      ? this.#expand(extent, form.extent.bytes)
      : form.extent.bytes === extent.bytes;
    if (!whole) return protocolFailure();
    const ofBlock = form.compressed ? undefined : form.digest;
    // Entries that have been amended are no rows of the manifest.
    const many = push.amended.size === 0 && !this.#options.builder.flushesSingly();
    for (let file = this.#file; file !== undefined; file = this.#file) {
      const until = this.#from + file.size;
      const from = Math.max(start, this.#from);
      const partBytes = Math.min(end, until) - from;
      if (file.wanted && partBytes > 0) {
        const at = extent.at + (from - start);
        const problem =
          many && partBytes === file.size && this.#open === undefined
            ? this.#small.add(file.number, at)
            : (this.#small.flush() ??
              this.#take(file, from - this.#from, { part: { at, bytes: partBytes }, ofBlock }));
        if (problem !== undefined) return problem;
      }
      if (until > end) break;
      this.#from = until;
      this.#file = this.#files.next();
    }
    // The block's memory is ours only until we answer.
    return this.#small.flush();
  }

  /** Takes the next verdicts. A file that is not good is not staged any more. */
  verdicts(verdicts: Verdicts): DiskFailure | undefined {
    const { builder } = this.#options;
    for (let i = 0; i < verdicts.count; i++) {
      const entry = verdicts.entry(i);
      const file = this.#judged.next();
      if (file?.number !== entry) return protocolFailure(entry);
      const { wanted, number } = file;
      if (!wanted) continue;
      if (this.#checked === this.#digested) return protocolFailure(number);
      const at = this.#checked++ * DIGEST_BYTES;
      const status = verdicts.status(i);
      if (status !== "good") {
        const { unread } = this.#options.push;
        const errno = verdicts.errno(i);
        if (status === "unreadable" && isTrouble(errno) && unread.length === 0)
          unread.push({ errno, step: FailStep.remove, entry: number });
        const problem = builder.discard(number);
        if (problem !== undefined) return problem;
      } else if (!verdicts.isDigest(i, this.#digests, at)) {
        return { errno: Errno.EBADMSG, step: FailStep.digest, entry: number };
      }
    }
    return undefined;
  }

  /** Whether every file has had its verdict. Asking takes the next one, so that no more can follow. */
  ended(): boolean {
    return this.#judged.next() === undefined;
  }

  /** Closes what is open. */
  close(): void {
    if (this.#open !== undefined) this.#options.tools.sys.close(this.#open.fd);
    this.#open = undefined;
    this.#digest.close();
  }

  /** Puts what a compressed block expands to in its place; false unless that fills `into` (PROTOCOL §10.3). */
  #expand(into: Extent, frameBytes: number): boolean {
    const { arena, zstd } = this.#options.tools;
    if (frameBytes >= into.bytes) return false;
    return zstd.expandContent(arena.bytes.subarray(into.at, into.at + into.bytes), frameBytes);
  }

  /** Writes a part of a file. Parts come in order; a missing one was not delivered, though wanted. `ofBlock` as for `StreamDigest`. */
  #take(
    file: RoundFile,
    position: number,
    { part, ofBlock }: { part: Extent; ofBlock: Uint8Array | undefined },
  ): DiskFailure | undefined {
    const { tools, builder } = this.#options;
    if (this.#open === undefined) {
      const problem = builder.advance(file.number) ?? this.#create(file);
      if (problem !== undefined) return problem;
    }
    const open = this.#open;
    if (open === undefined || open.number !== file.number || open.written !== position)
      return protocolFailure(file.number);
    const written = tools.sys.write(open.fd, part, position);
    if (written < 0) return failure(FailStep.write, written, file.number);
    this.#digest.update(part, ofBlock);
    open.written += part.bytes;
    if (file.size >= WRITE_BACK_BYTES_MIN && this.#options.push.rules.flushes)
      tools.sys.writeBack(open.fd, position, part.bytes);
    if (open.written < file.size) return undefined;
    this.#open = undefined;
    this.#keepDigests(this.#digest.finish());
    return builder.complete(file.number, open.fd);
  }

  #create({ number, size }: RoundFile): DiskFailure | undefined {
    const fd = this.#options.builder.create(number);
    if (failed(fd)) return failure(FailStep.stage, fd, number);
    this.#open = { number, fd, written: 0 };
    this.#digest.reset({ from: this.#from, size });
    return undefined;
  }

  /** Keeps the digests of the next files. */
  #keepDigests(digests: Uint8Array): void {
    const at = this.#digested * DIGEST_BYTES;
    this.#digests = grownTo(this.#digests, at + digests.length);
    this.#digests.set(digests, at);
    this.#digested += digests.length / DIGEST_BYTES;
  }
}

/** The files of the plan (PROTOCOL §10.2). */
export function plannedFiles({ sections, marks }: StagePush): RoundFiles {
  const walk = sections.stream();
  // One object for all of them, as there may be a million.
  const file = { number: 0, size: 0, wanted: false };
  return {
    next() {
      if (!walk.next()) return undefined;
      file.number = walk.number;
      file.size = walk.size;
      file.wanted = ((marks.of(walk.section)?.[walk.index] ?? 0) & Mark.content) !== 0;
      return file;
    },
  };
}

/** Those of a list. */
export function listedFiles(files: readonly RoundFile[]): RoundFiles {
  let at = 0;
  return { next: () => files[at++] };
}
