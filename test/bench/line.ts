/** What a link can carry at best. */

/** Speed of the links where the network, not the processors, is to be the limit. */
export const LINK_MBIT = 200;

const ETHERNET_BYTES = 14;
const IP_UDP_BYTES = 28;
const HEADER_BYTES = 32;
const IP_TCP_BYTES = 52;

/** Bytes of content per second that a link carries in packets of a push: its rate, less headers. The lab's links count frames without preamble and checksum. */
export function payloadRate(mtu = 1_500): number {
  return (LINK_MBIT * 1e6 * (mtu - IP_UDP_BYTES - HEADER_BYTES)) / (8 * (mtu + ETHERNET_BYTES));
}

/** The same for a TCP stream with time stamps. */
export function tcpRate(mtu = 1_500): number {
  return (LINK_MBIT * 1e6 * (mtu - IP_TCP_BYTES)) / (8 * (mtu + ETHERNET_BYTES));
}

/** How `payloadRate` comes about, in words. */
export const PAYLOAD_TEXT = `The payload rate of a link of ${LINK_MBIT} Mbit/s is ${LINK_MBIT} × 1,440 / 1,514: of the 1,514 bytes of a frame, 14 are Ethernet's, 28 IP's and UDP's, 32 the header's of a packet. That is ${(payloadRate() / 1e6).toFixed(2)} MB/s.`;
