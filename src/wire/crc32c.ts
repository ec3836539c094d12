/**
 * CRC32C (RFC 3720 B.4): the checksum of every packet (PROTOCOL §2). This one, by tables, serves what has no shim: the simulator, tests,
 * and texts. Eight bytes a step ("slicing by 8").
 */

const POLYNOMIAL_REFLECTED = 0x82f6_3b78;
const SLICES = 8;
const TABLES = makeTables();

/** The checksum of bytes `from`..`to` of `bytes` (default: all). "123456789" gives 0xe3069283. */
export function crc32c(bytes: Uint8Array, from = 0, to = bytes.length): number {
  return ~crc32cContinue(-1, bytes, from, to) >>> 0;
}

/**
 * Carries an unfinished checksum over more bytes. The first call takes -1, and the complement of the last result is the checksum. The
 * value is a signed 32-bit number.
 */
export function crc32cContinue(start: number, bytes: Uint8Array, from: number, to: number): number {
  const t = TABLES;
  let crc = start;
  let at = from;
  for (const end = to - SLICES; at <= end; at += SLICES) {
    const low =
      crc ^
      (byte(bytes, at) |
        (byte(bytes, at + 1) << 8) |
        (byte(bytes, at + 2) << 16) |
        (byte(bytes, at + 3) << 24));
    crc =
      word(t, 0x700 | (low & 0xff)) ^
      word(t, 0x600 | ((low >>> 8) & 0xff)) ^
      word(t, 0x500 | ((low >>> 16) & 0xff)) ^
      word(t, 0x400 | (low >>> 24)) ^
      word(t, 0x300 | byte(bytes, at + 4)) ^
      word(t, 0x200 | byte(bytes, at + 5)) ^
      word(t, 0x100 | byte(bytes, at + 6)) ^
      word(t, byte(bytes, at + 7));
  }
  for (; at < to; at++) crc = word(t, (crc ^ byte(bytes, at)) & 0xff) ^ (crc >>> 8);
  return crc;
}

/** The tag of a group in packet headers: the checksum of `ADDRESS:PORT` (PROTOCOL §2.2). */
export function groupTag(group: string): number {
  return crc32c(Uint8Array.from(group, (character) => character.charCodeAt(0)));
}

/** Table k (256 words from k * 256): the checksum's change by a byte that k further bytes follow. */
function makeTables(): Int32Array {
  const tables = new Int32Array(SLICES * 256);
  for (let value = 0; value < 256; value++) {
    let crc = value;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL_REFLECTED : crc >>> 1;
    tables[value] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = word(tables, at - 256);
    tables[at] = word(tables, before & 0xff) ^ (before >>> 8);
  }
  return tables;
}

function word(table: Int32Array, at: number): number {
  return table[at] as number;
}

function byte(bytes: Uint8Array, at: number): number {
  return bytes[at] as number;
}
