import manifest from "../../package.json" with { type: "json" };

/** This program's version, as members tell each other and `-V` prints it. */
export const version: string = manifest.version;
