import type { FlowStatus, MemberInfo } from "../engine/ports.ts";
import type { DaemonStatus } from "../io/console-daemon.ts";
import { formatIp } from "../io/ip.ts";
import { displayBytes, textToBytes } from "./display.ts";

/** Answers of the console that are tables. Lines without their ends; bytes, one character each. */

/** `NAME ADDRESS (VerX.Y.Z)` for each member, by name, in columns; then the total. */
export function membersLines(members: readonly MemberInfo[]): string[] {
  const rows = members
    .map((member) => ({
      name: displayBytes(textToBytes(member.name)),
      columns: [...member.name].length,
      address: formatIp(member.address.ip),
      version: `(Ver${member.version})`,
    }))
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const nameColumns = Math.max(0, ...rows.map((row) => row.columns));
  const addressColumns = Math.max(0, ...rows.map((row) => row.address.length));
  const lines = rows.map(
    (row) =>
      `${row.name}${" ".repeat(nameColumns - row.columns)} ${row.address.padEnd(addressColumns)} ${row.version}`,
  );
  return [...lines, `Total: ${rows.length} members`];
}

/** The lines of `status`: the daemon, what it is doing, then every counter since its start. */
export function statusLines(status: DaemonStatus): string[] {
  const { engine } = status;
  const sending = engine.sending.map(
    (push) =>
      `push ${push.push} ${push.phase} to ${plural(push.hosts, "host")}, ${plural(push.blocks, "block")}, ${flowText(push)}`,
  );
  const receiving = engine.receiving.map(
    (push) =>
      `push ${push.push} from ${textToBytes(push.owner)} ${push.state}, ${plural(push.blocks, "block")}`,
  );
  const rate =
    status.rateLimit === undefined
      ? []
      : [`sendrate: ${megabits(status.rate)}/${megabits(status.rateLimit)}`];
  return [
    `process : ${status.process}`,
    `version : ${status.version}`,
    `${status.chroot ? "chroot " : "basedir"} : ${displayBytes(status.base.endsWith("/") ? status.base : `${status.base}/`)}`,
    `mfalloc : ${engine.sending.length + engine.receiving.length}`,
    `recvsize: ${status.receiveBuffer}`,
    `sendsize: ${status.sendBuffer}`,
    ...rate,
    ...counted("command", status.commands.map(displayBytes)),
    ...counted("send op", sending),
    ...counted("recv op", receiving),
    ...counterLines(status.counters),
  ];
}

function counterLines(counters: Readonly<Record<string, number>>): string[] {
  const names = Object.keys(counters).sort();
  const columns = Math.max(0, ...names.map((name) => name.length));
  return names.map((name) => `${name.padEnd(columns)} : ${counters[name]}`);
}

function counted(name: string, items: readonly string[]): string[] {
  return [`${name} : ${items.length}`, ...items.map((item) => `  ${item}`)];
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}

/** Bytes a second as megabits a second, at most one digit after the point. */
function flowText(flow: FlowStatus): string {
  const { rate, windowPackets, windowBytes, roundTripUs, chanceLoss, limitedBy } = flow;
  const window = `window ${windowPackets} packets (${windowBytes} bytes)`;
  const trip = `round trip ${(roundTripUs / 1_000).toFixed(1)} ms`;
  return `${megabits(rate)} Mbit/s, ${window}, ${trip}, chance loss ${(chanceLoss * 100).toFixed(1)} %, limited by ${limitedBy}`;
}

function megabits(bytes: number): string {
  return String(Math.round((bytes * 80) / 1_000_000) / 10);
}
