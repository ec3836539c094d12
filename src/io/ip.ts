/** Dotted decimal to a number, most significant byte first; the text is an IPv4 address. */
export function parseIp(text: string): number {
  return text.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

/** The inverse of `parseIp`. */
export function formatIp(ip: number): string {
  return [24, 16, 8, 0].map((shift) => (ip >>> shift) & 255).join(".");
}
