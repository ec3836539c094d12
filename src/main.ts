/** The entry point of the executable that is both commands: it is `msync` when it is called so, else the daemon. */

const command = process.argv0.slice(process.argv0.lastIndexOf("/") + 1);
if (command === "msync") await import("./msync.ts");
else await import("./makuosan.ts");

export {};
