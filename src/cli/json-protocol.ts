/**
 * The machine's console: after the line `json`, a connection speaks JSON, one object a line in both directions (RFC 8259, UTF-8, no line feed inside).
 * The client sends requests, each with an `id` of its choice; the daemon sends events, which carry the `id` of the request that they belong to.
 * Requests run side by side, 64 at most, unlike the commands of the text console. A line has 4 MiB at most. A client that disappears cancels its
 * pushes. Whoever reads events ignores those that he does not know, and members that he does not know.
 */

/** Version of this protocol, in `hello`. It grows when a client could misunderstand something. */
export const JSON_PROTOCOL = 1;

/** A name of the file system: text if its bytes are UTF-8, else the bytes. */
export type JsonName = string | { readonly base64: string };

export type JsonRequest =
  | JsonPush
  /** Ends the push of that `id`, whose `finished` follows. Nothing of its own. */
  | { readonly request: "cancel"; readonly id: number }
  | { readonly request: "members"; readonly id: number }
  | { readonly request: "status"; readonly id: number }
  /** Closes the connection when all that runs has ended. */
  | { readonly request: "quit" };

export type JsonPush = {
  readonly request: "push";
  readonly id: number;
  /** Relative to the base; none with `recursive` is the whole base. */
  readonly paths: readonly JsonName[];
  readonly recursive: boolean;
  /** "send": what differs is sent; "check": contents are compared, nothing is changed; "prune": names are only removed. Default "send". */
  readonly mode?: "send" | "check" | "prune";
  /** "nothing" (default); "missing": given paths that do not exist here; "extra": also every name below a recursive path that does not exist here. */
  readonly removes?: "nothing" | "missing" | "extra";
  /** A host that would remove more names changes nothing and fails. */
  readonly removesMax?: number;
  /** Whether hosts flush to their disks (default) before they say that they have it. */
  readonly fsync?: boolean;
  /** Contents are compressed at most at this level of Zstandard, 1 to 19, where that is faster; 0: they are not. Default: as the daemon was told. */
  readonly compressLevel?: number;
  readonly dryRun?: boolean;
  /** Names or addresses of members; default: all. */
  readonly hosts?: readonly string[];
  /** Patterns of fnmatch(3), as of the text console's `exclude`; those of the connection's text part hold as well. */
  readonly excludes?: readonly JsonName[];
  /** The sent files get this group first, here: name or number. */
  readonly group?: string;
  /** Whether `files` events are wanted. */
  readonly files?: boolean;
  /** Whether `progress` events are wanted. */
  readonly progress?: boolean;
};

export type JsonEvent =
  /** First of all, in answer to the line `json`. */
  | {
      readonly event: "hello";
      readonly protocol: number;
      readonly version: string;
      readonly name: string;
      /** The group, `ADDRESS:PORT`. */
      readonly group: string;
    }
  /** A request that cannot be understood (without `id` if that is what is wrong), or be carried out. Nothing else follows for it. */
  | { readonly event: "error"; readonly id?: number; readonly text: string }
  | {
      readonly event: "started";
      readonly id: number;
      readonly hosts: readonly string[];
      /** Members that never receive, and are no targets. */
      readonly readOnly: readonly string[];
    }
  /** What a host needs, all of it: entries that change, or would, and names that are, or would be, removed. */
  | {
      readonly event: "need";
      readonly id: number;
      readonly host: string;
      readonly updates: number;
      readonly removals: number;
    }
  /**
   * Entries of one kind at one host. update, remove: they change, or would in a dry run; skip: they are the same there; readOnly: the host never receives;
   * same, differ: of a check.
   */
  | {
      readonly event: "files";
      readonly id: number;
      readonly host: string;
      readonly action: "update" | "skip" | "remove" | "readOnly" | "same" | "differ";
      readonly paths: readonly JsonName[];
    }
  /** Something of the sender's own tree that is not sent. An error makes the push incomplete; a notice does not. `text` goes before the path. */
  | {
      readonly event: "problem";
      readonly id: number;
      readonly severity: "error" | "notice";
      readonly text: string;
      readonly path: JsonName;
    }
  /** Why a host could not take the push; with a path if one name is to blame. */
  | {
      readonly event: "failure";
      readonly id: number;
      readonly host: string;
      readonly text: string;
      readonly path?: JsonName;
    }
  | {
      readonly event: "progress";
      readonly id: number;
      readonly phase: "offer" | "manifest" | "need" | "content" | "prepare" | "commit";
      /** Since the request, in seconds. */
      readonly seconds: number;
      /** Bytes of files: sent so far, in all (0 while unknown), and sent in the last second. */
      readonly sentBytes: number;
      readonly contentBytes: number;
      readonly bytesPerSecond: number;
      readonly hosts: readonly {
        readonly host: string;
        readonly state: "offered" | "live" | "silent" | "prepared" | "ended";
        readonly doneBytes: number;
        readonly bytesPerSecond: number;
      }[];
    }
  | {
      readonly event: "outcome";
      readonly id: number;
      readonly host: string;
      /** IPv4, dotted. */
      readonly address: string;
      readonly outcome: "complete" | "refused" | "failed" | "lost";
      /** Why it is not complete. */
      readonly text?: string;
      /** Of a complete one: entries that changed, or would. */
      readonly updates?: number;
    }
  /**
   * Last event of a push. `ok`: every target has every file, and no problem was an error. `rejected`: why it did not take place, or was given up,
   * if so: nothing was changed anywhere.
   */
  | {
      readonly event: "finished";
      readonly id: number;
      readonly ok: boolean;
      readonly seconds: number;
      readonly rejected?: string;
    }
  | {
      readonly event: "members";
      readonly id: number;
      readonly members: readonly {
        readonly name: string;
        readonly address: string;
        readonly version: string;
        readonly noReceive: boolean;
        readonly noSend: boolean;
      }[];
    }
  /** The same as the text console's `status`. */
  | { readonly event: "status"; readonly id: number; readonly status: JsonStatus };

export type JsonStatus = {
  readonly process: number;
  readonly version: string;
  readonly base: JsonName;
  readonly chroot: boolean;
  readonly receiveBuffer: number;
  readonly sendBuffer: number;
  /** Bytes a second: sent in the last second, and the limit of -T. */
  readonly rate: number;
  readonly rateLimit?: number;
  readonly commands: readonly string[];
  readonly sending: readonly {
    readonly push: number;
    readonly phase: string;
    readonly hosts: number;
    readonly blocks: number;
    /** See FlowStatus. */
    readonly rate: number;
    readonly windowPackets: number;
    readonly windowBytes: number;
    readonly roundTripUs: number;
    readonly chanceLoss: number;
    readonly limitedBy: "source" | "receivers" | "buffers" | "rate limit" | "start" | "network";
  }[];
  readonly receiving: readonly {
    readonly owner: string;
    readonly push: number;
    readonly state: string;
    readonly blocks: number;
  }[];
  readonly counters: Readonly<Record<string, number>>;
};
