import type { EngineStatus } from "../engine/ports.ts";
import type { EngineClient } from "./engine-client.ts";

/** The daemon, as its consoles see it. */
export type ConsoleDaemon = {
  readonly engine: Pick<EngineClient, "push" | "members">;
  /** This node's name in the group. */
  readonly name: string;
  /** The group, `ADDRESS:PORT`. */
  readonly group: string;
  /** The base directory's absolute path as people and patterns know it, also in a chroot. Bytes, one character each. */
  readonly shownBase: string;
  readonly noSend: boolean;
  /** Of pushes that name no other: as of a task (wire/disk-port.ts). */
  readonly compressLevel: number;
  /** What a console has to say first; undefined: nothing. */
  readonly password: Uint8Array | undefined;
  /** A group's number, by name or decimal number, also in a chroot; undefined: there is none. */
  resolveGroup(group: string): number | undefined;
  status(answer: (status: DaemonStatus) => void): void;
  /** Lists a running command in `status` until the returned function is called. */
  track(command: string): () => void;
};

/** What `status` tells of a daemon. */
export type DaemonStatus = {
  readonly process: number;
  readonly version: string;
  /** The shown base. Bytes, one character each. */
  readonly base: string;
  /** Whether the base is the process's root. */
  readonly chroot: boolean;
  /** Socket buffers granted, in bytes. */
  readonly receiveBuffer: number;
  readonly sendBuffer: number;
  /** Bytes sent in the last whole second, and the limit in bytes a second. */
  readonly rate: number;
  readonly rateLimit: number | undefined;
  /** Console commands that are running, as they were typed. */
  readonly commands: readonly string[];
  readonly engine: EngineStatus;
  /** Counters of engine and sockets since the start, by name. */
  readonly counters: Readonly<Record<string, number>>;
};
