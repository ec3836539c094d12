import { describe, expect, test } from "bun:test";
import type { Address, Command } from "../../src/engine/ports.ts";
import { Ready } from "../../src/io/abi-net.ts";
import { type LoopParts, type Mail, runEngineLoop } from "../../src/io/engine-loop.ts";
import { parseIp } from "../../src/io/ip.ts";
import { closeNet, NetShim, netFacts, type OpenNet, openNet } from "../../src/io/net-shim.ts";
import { openWake, wake } from "../../src/io/shim.ts";
import type { BlockIndex, Micros, NodeId, PushId, Slot } from "../../src/wire/brand.ts";
import { decode, encode } from "../../src/wire/codec.ts";
import { groupTag } from "../../src/wire/crc32c.ts";
import type { SourceReply, SourceRequest } from "../../src/wire/disk-port.ts";
import {
  entryAt,
  openContext,
  RX_TABLE_WORDS,
  RxEntry,
  RxHead,
  resetEntry,
} from "../../src/wire/rx-table.ts";
import { TxRow } from "../../src/wire/tx-row.ts";
import {
  fakeNet,
  NEVER,
  type Net,
  StubEngine,
  silentMail,
  stopped,
  takeEvents,
} from "./engine-loop-fixture.ts";

describe("with a network that the test plays", () => {
  test("sleeps until the deadline, and calls onTimeout not a microsecond before it", () => {
    const engine = new StubEngine();
    engine.due = 1_000_500 as Micros;
    const times: number[] = [];
    engine.onTimeout = (now) => {
      times.push(now);
      engine.outputs.push(stopped);
    };
    let waits = 0;
    // The first wait ends one microsecond early, as a wake-up would.
    const { log, parts } = fakeNet({
      wait: (timeoutUs) => ({ ready: 0, us: waits++ === 0 ? timeoutUs - 1 : timeoutUs }),
    });
    runEngineLoop({ engine, ...parts, mail: silentMail() });
    expect(times).toEqual([1_000_500]);
    expect(log).toEqual(["wait 500", "wait 1"]);
  });

  test("without a deadline it waits without end", () => {
    const engine = new StubEngine();
    const commands: Command[] = [{ kind: "stop" }];
    engine.onCommand = () => engine.outputs.push(stopped);
    const { log, parts } = fakeNet({ wait: () => ({ ready: Ready.wake, us: 0 }) });
    runEngineLoop({ engine, ...parts, mail: silentMail({ takeCommand: () => commands.shift() }) });
    expect(log).toEqual(["wait Infinity"]);
  });

  test("a full socket: what was taken is kept, nothing more is taken, timers still run, and no spinning", () => {
    const engine = new StubEngine();
    engine.due = 0 as Micros;
    let taken = 0;
    let timeouts = 0;
    engine.takeRows = () => (taken++ === 0 ? 3 : 0);
    engine.onTimeout = () => timeouts++;
    let waits = 0;
    const { log, results, parts } = fakeNet({
      wait: () => {
        waits++;
        if (waits === 1) return { ready: 0, us: 0 };
        if (waits < 4) return { ready: 0, us: 1_000 };
        if (waits === 4) return { ready: Ready.send, us: 10 };
        engine.outputs.push(stopped);
        return { ready: Ready.wake, us: 0 };
      },
    });
    const commands: Command[] = [{ kind: "stop" }];
    results.rows.push("full");
    runEngineLoop({ engine, ...parts, mail: silentMail({ takeCommand: () => commands.shift() }) });
    expect(log).toEqual([
      "wait 0",
      "start 3",
      "rows full",
      "wait 1000 send",
      "wait 1000 send",
      "wait 1000 send",
      "rows done",
      "wait 0",
    ]);
    expect(timeouts).toBe(5);
  });

  test("requests for the disk go out together, replies and commands come in by the wake-up", () => {
    const engine = new StubEngine();
    const key = { owner: 1n as NodeId, push: 1 as PushId };
    const request: SourceRequest = { kind: "close", key };
    const posted: (readonly SourceRequest[])[] = [];
    const replies: SourceReply[][] = [
      [
        { kind: "closed", key },
        { kind: "closed", key },
      ],
      [{ kind: "closed", key }],
    ];
    engine.onSource = (reply) => engine.seen.push(reply.kind);
    engine.onCommand = () =>
      engine.outputs.push({ kind: "source", request }, { kind: "source", request }, stopped);
    const commands: Command[] = [{ kind: "stop" }];
    const { parts } = fakeNet({ wait: () => ({ ready: Ready.wake, us: 0 }) });
    const mail = silentMail({
      takeSource: () => replies.shift(),
      takeCommand: () => commands.shift(),
      toSource: (requests) => posted.push(requests),
    });
    runEngineLoop({ engine, ...parts, mail });
    expect(engine.seen).toEqual(["closed", "closed", "closed"]);
    expect(posted).toEqual([[request, request]]);
  });
});

describe("memory that is not in use", () => {
  /** What a loop does that gets `count` replies at once, then nothing, until it would wait without end again. */
  function courseAfter(count: number): string[] {
    const engine = new StubEngine();
    engine.onCommand = () => engine.outputs.push(stopped);
    const key = { owner: 1n as NodeId, push: 1 as PushId };
    const replies: SourceReply[][] = [Array.from({ length: count }, () => ({ kind: "closed", key }))];
    const commands: Command[] = [{ kind: "stop" }];
    let endless = 0;
    const { log, parts } = fakeNet({
      wait: (timeoutUs) => {
        if (timeoutUs < Number.POSITIVE_INFINITY) return { ready: 0, us: timeoutUs };
        endless++;
        return { ready: Ready.wake, us: 0 };
      },
    });
    const mail = silentMail({
      takeSource: () => replies.shift(),
      takeCommand: () => (endless === 2 ? commands.shift() : undefined),
    });
    runEngineLoop({ engine, ...parts, mail });
    return log;
  }

  test("is freed once, when it has been quiet for half a second after much work", () => {
    expect(courseAfter(256)).toEqual(["wait Infinity", "wait 500000", "collect", "wait Infinity"]);
  });
  test("is freed at once after very much work, quiet or not", () => {
    expect(courseAfter(4_095)).toEqual(["wait Infinity", "wait 500000", "collect", "wait Infinity"]);
    expect(courseAfter(4_096)).toEqual(["wait Infinity", "collect", "wait Infinity"]);
  });
  test("is left alone after little", () => {
    expect(courseAfter(255)).toEqual(["wait Infinity", "wait Infinity"]);
  });
});

test("there is work where DATA or messages come, and not where only time has passed", () => {
  const engine = new StubEngine();
  const commands: Command[] = [{ kind: "stop" }];
  engine.due = 1_000_100 as Micros;
  engine.onTimeout = (at) => {
    engine.due = at < 1_000_300 ? ((at + 100) as Micros) : NEVER;
  };
  engine.onCommand = () => engine.outputs.push(stopped);
  const course = [0, 0, 0, Ready.group, Ready.group, Ready.wake];
  const touched = [0, 7];
  const { net, worked, parts } = fakeNet({
    wait: () => ({ ready: course.shift() ?? Ready.wake, us: 100 }),
  });
  const receiving: Net = { ...net, receive: () => ({ touched: touched.shift() ?? 0, more: false }) };
  const mail = silentMail({ takeCommand: () => (course.length === 0 ? commands.shift() : undefined) });
  runEngineLoop({ engine, ...parts, net: receiving, mail });
  expect(worked as number[]).toEqual([1_000_500, 1_000_600]);
});

test("that the engine has stopped is told after its last packets are sent", () => {
  const engine = new StubEngine();
  const order: string[] = [];
  engine.due = 0 as Micros;
  engine.onTimeout = () => {
    engine.outputs.push({ kind: "control", to: undefined, packet: new Uint8Array(32) }, stopped);
  };
  const { net, results, parts } = fakeNet({ wait: () => ({ ready: Ready.send, us: 10 }) });
  results.control.push("full", "full", "done");
  const recorded: Net = {
    ...net,
    rows: net.rows,
    rowsPending: false,
    sendControl: () => {
      const result = net.sendControl();
      order.push(String(result));
      return result;
    },
  };
  const mail = silentMail(takeEvents((event) => order.push(event.kind)));
  runEngineLoop({ engine, ...parts, net: recorded, mail });
  expect(order).toEqual(["full", "full", "done", "stopped"]);
});

describe("over real sockets on the loopback", () => {
  const group = { ip: parseIp("239.77.1.9"), port: 5977 };
  const tag = groupTag("239.77.1.9:5977");
  const slotBytes = 4096;

  function open(node: bigint) {
    const net = openNet({
      node: node as NodeId,
      group,
      groupTag: tag,
      interface: { ip: parseIp("127.0.0.1"), index: 1 },
      receiveBuffer: undefined,
      sendBuffer: undefined,
      offload: { gso: true, gro: true },
    }) as OpenNet;
    const memory = {
      rx: new SharedArrayBuffer(RX_TABLE_WORDS * 4),
      arena: new SharedArrayBuffer(4 * slotBytes),
      slotBytes,
    };
    const wakeFd = openWake();
    return { net, memory, wakeFd, shim: new NetShim(net, memory, wakeFd) };
  }

  /** The loop on real sockets; an engine that waits in vain is stopped after two seconds, as no timer of the test could. */
  function parts(side: ReturnType<typeof open>, engine: StubEngine, mail: Mail): LoopParts {
    if (engine.due === NEVER) {
      engine.due = (performance.now() * 1_000 + 2_000_000) as Micros;
      engine.onTimeout = () => engine.outputs.push(stopped);
    }
    return {
      engine,
      net: side.shim,
      mail,
      now: () => Math.floor(performance.now() * 1_000) as Micros,
      collect: () => {},
      atWork: () => {},
    };
  }

  test("control packets come with their sender's address and are answered to it", () => {
    const here = open(1n);
    const there = open(2n);
    const bye = (node: bigint) =>
      encode({ node: node as NodeId, push: 0 as PushId }, tag, { type: "bye", epoch: node });
    const engine = new StubEngine();
    let from: Address | undefined;
    engine.onControl = (packet, address) => {
      const decoded = decode(packet);
      if (typeof decoded !== "string") engine.seen.push(`${decoded.message.type} ${decoded.origin.node}`);
      from = address;
      engine.outputs.push({ kind: "control", to: address, packet: bye(1n) }, stopped);
    };
    there.shim.addControl(bye(2n), undefined);
    expect(there.shim.sendControl()).toBe("done");
    runEngineLoop(parts(here, engine, silentMail()));
    expect(engine.seen).toEqual(["bye 2"]);
    expect(from).toEqual({ ip: parseIp("127.0.0.1"), port: netFacts(there.net).unicastPort });
    const answers: string[] = [];
    there.shim.wait(1_000_000, { forSend: false });
    there.shim.receive("unicast", (packet, address) => {
      const decoded = decode(packet);
      if (typeof decoded !== "string")
        answers.push(`${decoded.message.type} ${decoded.origin.node} ${address.port}`);
    });
    expect(answers).toEqual([`bye 1 ${netFacts(here.net).unicastPort}`]);
    closeNet(here.net);
    closeNet(there.net);
  });

  test("rows become a block in another node's slot, and the engine hears of it", () => {
    const here = open(3n);
    const there = open(4n);
    const block = 5 as BlockIndex;
    const symbolSize = 1000;
    const push = { owner: 3n as NodeId, push: 9 as PushId, symbolSize, blockSymbols: 4 };
    const rx = new Uint32Array(there.memory.rx);
    openContext(rx, 0, push);
    rx[RxHead.base] = 0;
    rx[RxHead.limit] = 64;
    resetEntry(rx, 0, block, 2 as Slot);
    const sent = new Uint8Array(here.memory.arena, 1 * slotBytes, 3500);
    crypto.getRandomValues(new Uint8Array(3500)).forEach((byte, at) => {
      sent[at] = byte;
    });
    const sender = new StubEngine();
    sender.due = 0 as Micros;
    sender.takeRows = (rows) => {
      sender.outputs.push(stopped);
      rows.set([1, block, 0, 4, 4, 500, 0, 9, symbolSize, 0], 0);
      expect([rows[TxRow.slot], rows[TxRow.lastBytes]]).toEqual([1, 500]);
      return 1;
    };
    runEngineLoop(parts(here, sender, silentMail()));
    const receiver = new StubEngine();
    receiver.onReceived = () => {
      if (rx[entryAt(0, block) + RxEntry.have] === 4) receiver.outputs.push(stopped);
    };
    runEngineLoop(parts(there, receiver, silentMail()));
    expect(new Uint8Array(there.memory.arena, 2 * slotBytes, 3500)).toEqual(sent);
    closeNet(here.net);
    closeNet(there.net);
  });

  test("a wake-up before the wait is not lost", () => {
    const here = open(6n);
    const engine = new StubEngine();
    const commands: Command[] = [{ kind: "stop" }];
    engine.onCommand = () => engine.outputs.push(stopped);
    wake(here.wakeFd);
    runEngineLoop(parts(here, engine, silentMail({ takeCommand: () => commands.shift() })));
    expect(commands).toEqual([]);
    closeNet(here.net);
  });
});
