/** Splits the list of `-t`: names between commas, empty ones left out, doubles once. Bytes to text. */
export function parseHosts(list: string): string[] {
  const names = Buffer.from(list, "latin1").toString("utf8").split(",");
  return [...new Set(names.filter((name) => name !== ""))];
}
