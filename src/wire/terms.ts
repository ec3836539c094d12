/** What a push asks of its receivers beyond its entries (PROTOCOL §10.6). It comes with the first section of the manifest. */
export type Terms = {
  /**
   * "send": what differs is brought over. "check": nothing is changed, and an entry counts as different if it is missing, is of another type, or
   * has another content or link target (§10.1: every file has its digest then). "prune": no entry is brought over, only names are removed.
   */
  readonly mode: "send" | "check" | "prune";
  /** Whether names are removed at all: those inside of `listed` directories that are no entries, and `missing`. */
  readonly removes: boolean;
  /** Whether the base directory itself is `listed`: its names are all entries. */
  readonly baseListed: boolean;
  /** Whether the receivers are to tell the names that they remove, not only their number (§6.2). */
  readonly namesWanted: boolean;
  /** A receiver that would remove more names than this fails instead; undefined: as many as there are. */
  readonly removesMax: number | undefined;
  /** Paths that the owner does not have, to be removed with all that is in them; in manifest order, none inside of another. */
  readonly missing: readonly Uint8Array[];
  /** Absolute path of the owner's base directory: patterns are matched against it and what follows. Empty without patterns. */
  readonly base: Uint8Array;
  /** Patterns, as of fnmatch(3) with FNM_PATHNAME, of names that do not exist for this push, on either side. */
  readonly excludes: readonly Uint8Array[];
};

/** The terms of a push that says nothing of the kind. */
export const NO_TERMS: Terms = {
  mode: "send",
  removes: false,
  baseListed: false,
  namesWanted: false,
  removesMax: undefined,
  missing: [],
  base: new Uint8Array(),
  excludes: [],
};
