/**
 * Makes the self-contained executable: `bun test/support/compile.ts OUTFILE`. Bun, the program, the shim and zstd-napi's addon
 * are in it; each thread's file is an entry point of its own, so that it can be found at run time.
 */
import { readdirSync } from "node:fs";

const outfile = process.argv[2];
if (outfile === undefined) {
  console.error("usage: bun test/support/compile.ts OUTFILE");
  process.exit(2);
}

const workers = readdirSync("src/io").filter((name) => name.endsWith("-worker.ts"));
const result = await Bun.build({
  entrypoints: ["src/main.ts", ...workers.map((name) => `src/io/${name}`)],
  target: "bun",
  // What the daemon needs is not even parsed when it is msync that runs.
  splitting: true,
  // Parsed here once, and not at each start: that is half of msync's.
  bytecode: true,
  format: "esm",
  minify: { whitespace: true, syntax: true },
  // Nothing in the folder where it is started may have a say in what a daemon runs.
  compile: { outfile, autoloadDotenv: false, autoloadBunfig: false },
  plugins: [
    {
      // The package computes its addon's path, which hides the file from the bundler. And Bun would load an embedded addon
      // by way of a file of a guessable name in the temporary directory: `loadable` says what is wrong with that.
      name: "zstd-napi's addon",
      setup(build): void {
        build.onLoad({ filter: /zstd-napi\/binding\.js$/ }, () => ({
          contents: `
            import addon from "./build/Release/binding.node" with { type: "file" };
            import { loadable } from "${process.cwd()}/src/io/ffi.ts";
            const module = { exports: {} };
            process.dlopen(module, loadable(addon));
            export default module.exports;`,
          loader: "js",
        }));
      },
    },
  ],
});
for (const log of result.logs) console.error(log);
process.exit(result.success ? 0 : 1);
