import { Background, isBackground, startInBackground } from "../../src/io/daemon-background.ts";

/** Starts itself in the background and prints how that went; the second process does what the argument says. */

const [, , mode, file = ""] = process.argv;
if (!isBackground()) {
  console.log(JSON.stringify(startInBackground()));
} else {
  const background = new Background();
  if (mode === "killed") process.kill(process.pid, "SIGKILL");
  if (mode === "failed") {
    console.error("this is why");
    process.exit(2);
  }
  if (mode === "ended") process.exit(0);
  background.up();
  console.log("nobody sees this");
  await Bun.write(file, String(process.ppid));
}
