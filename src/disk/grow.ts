/** The same bytes in a table with room for at least `bytes`: `table` itself, or one of twice its size or more. */
export function grownTo(table: Uint8Array<ArrayBuffer>, bytes: number): Uint8Array<ArrayBuffer> {
  if (bytes <= table.length) return table;
  const grown = new Uint8Array(Math.max(bytes, 2 * table.length));
  grown.set(table);
  return grown;
}
