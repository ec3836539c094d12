/**
 * Bytes between this process's stdin and stdout and a console, as they are: for a console that only another network reaches. The one argument
 * is a path, or a port of 127.0.0.1. Ends when the console closes; the end of stdin is passed on.
 */
import { connect } from "node:net";

const [target = ""] = process.argv.slice(2);
const port = /^\d+$/.test(target) ? Number(target) : undefined;
const socket =
  port === undefined
    ? connect({ path: target, allowHalfOpen: true })
    : connect({ host: "127.0.0.1", port, allowHalfOpen: true });
socket.on("data", (chunk: Buffer) => process.stdout.write(chunk));
socket.on("end", () => process.exit(0));
socket.on("error", (error) => {
  console.error(error.message);
  process.exit(1);
});
process.stdin.on("data", (chunk: Buffer) => socket.write(chunk));
process.stdin.on("end", () => socket.end());
