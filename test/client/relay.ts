/**
 * `bun relay.ts SOCKET PORT`: passes connections to the unix socket on to the TCP port of this network, so that a test can stay outside of the
 * network that its daemon lives in. Says `ready` when it listens.
 */
import { connect, createServer, type Socket } from "node:net";

const [path, port] = process.argv.slice(2);
if (path === undefined || port === undefined) throw new Error("usage: relay.ts SOCKET PORT");

createServer({ allowHalfOpen: true }, (near) => {
  const far = connect({ host: "127.0.0.1", port: Number(port), allowHalfOpen: true });
  far.setNoDelay(true);
  join(near, far);
  join(far, near);
}).listen(path, () => console.log("ready"));

function join(from: Socket, to: Socket): void {
  from.on("data", (chunk: Uint8Array) => to.write(chunk));
  from.on("end", () => to.end());
  from.on("error", () => to.destroy());
  from.on("close", () => to.destroySoon());
}
