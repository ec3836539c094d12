/**
 * A measuring end for the lab's own tests, run inside a host: `send ADDRESS COUNT BYTES` multicasts numbered packets, `receive ADDRESS`
 * prints `listening`, then counts what arrives until 400 ms pass without a packet (or 1.5 s without any), and prints the counts as JSON.
 */
import { createSocket } from "node:dgram";

const GROUP = "239.77.0.1";
const PORT = 7777;

const [mode, address = "", count = "0", bytes = "0"] = process.argv.slice(2);
if (mode === "send") await send(address, Number(count), Number(bytes));
else if (mode === "receive") receive(address);
else throw new Error(`no such mode: ${mode}`);

async function send(from: string, packets: number, size: number): Promise<void> {
  const socket = createSocket("udp4");
  await new Promise<void>((resolve) => socket.bind(0, from, resolve));
  socket.setMulticastInterface(from);
  for (let number = 0; number < packets; number++) {
    const packet = Buffer.alloc(size);
    packet.writeUInt32BE(number, 0);
    await new Promise((resolve) => socket.send(packet, PORT, GROUP, resolve));
    // Slow enough for a socket of the default size.
    if (number % 32 === 31) await Bun.sleep(1);
  }
  socket.close();
}

function receive(at: string): void {
  // Room for all of a measurement: what a busy machine reads late must not count as lost.
  const socket = createSocket({ type: "udp4", reuseAddr: true, recvBufferSize: 4 << 20 });
  const times = new Map<number, number>();
  let total = 0;
  let octets = 0;
  let first = 0;
  let last = 0;
  const finish = (): void => {
    console.log(JSON.stringify({ total, distinct: times.size, octets, ms: last - first }));
    process.exit(0);
  };
  let timer = setTimeout(finish, 1_500);
  socket.on("message", (packet) => {
    last = performance.now();
    if (total === 0) first = last;
    total += 1;
    octets += packet.length;
    const number = packet.readUInt32BE(0);
    times.set(number, (times.get(number) ?? 0) + 1);
    clearTimeout(timer);
    timer = setTimeout(finish, 400);
  });
  socket.bind(PORT, () => {
    socket.addMembership(GROUP, at);
    console.log("listening");
  });
}
