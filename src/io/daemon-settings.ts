/** What a daemon is asked to be. Values have the right form; whether the host can do it is found out at start. */
export type DaemonSettings = {
  /** Base directory as bytes, one character each. */
  readonly base: string;
  readonly user: string | undefined;
  readonly group: string | undefined;
  /** Supplementary groups; undefined: those of the user. */
  readonly groups: readonly string[] | undefined;
  /** UDP port of the group and TCP port of the console. */
  readonly port: number;
  readonly multicast: string;
  /** Name or address; `0.0.0.0`: the daemon chooses. */
  readonly interface: string;
  /** Address of the console on TCP; undefined: none there. */
  readonly listen: string | undefined;
  /** Path of the console's unix socket as bytes, one character each; undefined: none. With no `listen` either, there is no console. */
  readonly unixSocket: string | undefined;
  readonly name: string;
  /** Bytes a second. */
  readonly rateLimit: number | undefined;
  /** Bytes wanted; undefined: the daemon's own default. */
  readonly receiveBuffer: number | undefined;
  readonly sendBuffer: number | undefined;
  readonly logLevel: number;
  /** Paths as bytes, one character each: the group's key, the console's password, and a file for log lines. */
  readonly keyFile: string | undefined;
  readonly passwordFile: string | undefined;
  readonly logFile: string | undefined;
  readonly noReceive: boolean;
  readonly noSend: boolean;
  /** Only files that belong to the daemon's user are sent. */
  readonly ownerMatch: boolean;
  /** The highest level at which contents are compressed, unless a push names another; 0: they are not. */
  readonly compressLevel: number;
  /** Device nodes are made where a push has them. */
  readonly devices: boolean;
  /** What is received is flushed to the disk before it counts as received. */
  readonly fsync: boolean;
  /** The base directory becomes the process's root. */
  readonly chroot: boolean;
  readonly coreDumps: boolean;
  /** The process that was started returns when the daemon, another one, is up. */
  readonly background: boolean;
  readonly gso: boolean;
  readonly gro: boolean;
};
