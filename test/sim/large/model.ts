/** What the hosts and the switch of a large group are like. Times in microseconds of virtual time. */
export type LargeModel = {
  readonly receivers: number;
  /** Bytes of the one file that is pushed. */
  readonly contentBytes: number;
  /** Of a million packets that reach a host, so many are lost to it alone. */
  readonly lossPpm: number;
  readonly seed: number;
  /** Bits a second of each port, both ways. */
  readonly portBitsPerSecond: number;
  /** Cable and switch, one way, beside the time that the bits take. */
  readonly latencyUs: number;
  /** Bytes that wait for one port of the switch at most: what comes then is lost to that port. */
  readonly portQueueBytes: number;
  /** What the socket's buffer is said to hold. */
  readonly receiveBuffer: number;
  /** After the first packet of a burst the card waits so long for more of them, and the thread wakes. */
  readonly interruptUs: number;
  /** Processor time of a turn of the engine's thread, and of each packet in it. */
  readonly turnUs: number;
  readonly receivePacketUs: number;
  /** The last so many receivers take this long for each packet. */
  readonly slowReceivers: number;
  readonly slowPacketUs: number;
  /** The same at the owner: a control packet that comes in, and a DATA packet that goes out. */
  readonly ownerControlUs: number;
  readonly ownerDataUs: number;
  /** Time of the disks for a block, for all that is flushed before the switch, and for the switch. */
  readonly readBlockUs: number;
  readonly useBlockUs: number;
  readonly flushUs: number;
  readonly commitUs: number;
};

/** A 10GbE switch, and hosts with the buffers that the daemon asks for. */
export const TEN_GIGABIT: LargeModel = {
  receivers: 10,
  contentBytes: 4 * 2 ** 30,
  lossPpm: 0,
  seed: 1,
  portBitsPerSecond: 10e9,
  latencyUs: 3,
  portQueueBytes: 1 << 20,
  receiveBuffer: 8 << 20,
  interruptUs: 100,
  turnUs: 8,
  receivePacketUs: 0.8,
  slowReceivers: 0,
  slowPacketUs: 0,
  ownerControlUs: 4,
  ownerDataUs: 0.4,
  readBlockUs: 100,
  useBlockUs: 150,
  flushUs: 5_000,
  commitUs: 500,
};

/** What the kernel charges a socket for a packet, whatever its size: a card's receive buffer for a full frame. */
export const PACKET_CHARGE = 2_304;

/** IPv4, UDP. */
const IP_UDP_BYTES = 28;
/** Preamble, header, check sequence and gap of an Ethernet frame; and the shortest contents of one. */
const FRAME_BYTES = 8 + 14 + 4 + 12;
const FRAME_CONTENTS_MIN = 46;

/** Bytes of line time of a UDP packet. */
export function lineBytes(udpBytes: number): number {
  return FRAME_BYTES + Math.max(FRAME_CONTENTS_MIN, IP_UDP_BYTES + udpBytes);
}
