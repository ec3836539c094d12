import { type MessagePort, receiveMessageOnPort } from "node:worker_threads";
import { createEngine } from "../engine/node.ts";
import type { Micros, Slot } from "../wire/brand.ts";
import { Compilers } from "./compilers.ts";
import {
  type FlatForm,
  postValues,
  readValues,
  sourceReplyForm,
  sourceRequestForm,
  stageReplyForm,
  stageRequestForm,
} from "./disk-mail.ts";
import { type Mail, runEngineLoop } from "./engine-loop.ts";
import { freeMemory } from "./memory.ts";
import { NetShim } from "./net-shim.ts";
import { systemRandom } from "./random.ts";
import { isOwnAddress } from "./shim.ts";
import { awaitData, type EngineNotice, type EngineThreadData } from "./threads.ts";

/** The engine's thread. It never returns to its event loop: messages are taken when the eventfd says that there are some. */

awaitData<EngineThreadData>((data) => {
  const { rx, arena, slotBytes } = data.memory;
  const slots = Array.from({ length: Math.floor(arena.byteLength / slotBytes) }, (_, slot) => slot as Slot);
  const compilers = new Compilers();
  const tell = (notices: readonly EngineNotice[]) => data.main.postMessage(notices);

  runEngineLoop({
    engine: createEngine(data.config, { rx: new Uint32Array(rx), slots, slotBytes }, systemRandom()),
    net: new NetShim(data.net, data.memory, data.wakeFd, isOwnAddress),
    mail: {
      takeCommand: () => take(data.main),
      takeSource: () => takeValues(data.source, sourceReplyForm),
      takeStage: () => takeValues(data.stage, stageReplyForm),
      toSource: postToSource(data.source, () => tell([{ kind: "sourceWanted" }])),
      toStage: (requests) => postValues(data.stage, requests, stageRequestForm),
      toMain: tell,
    } satisfies Mail,
    now: () => Math.floor(performance.now() * 1_000) as Micros,
    collect: freeMemory,
    atWork: (now) => compilers.look(now),
  });
});

/** The next message that waits at a port, if any. The other side posts nothing but what `threads.ts` says. */
function take<T>(port: MessagePort): T | undefined {
  return receiveMessageOnPort(port)?.message as T | undefined;
}

/** As `take`, from a disk thread. */
function takeValues<Value>(port: MessagePort, form: FlatForm<Value>): readonly Value[] | undefined {
  const message = take<readonly number[] | readonly Value[]>(port);
  return message === undefined ? undefined : readValues(message, form);
}

/** The first message also asks the main thread to start the source: many a daemon only ever receives. */
function postToSource(source: MessagePort, want: () => void): Mail["toSource"] {
  let wanted = false;
  return (requests) => {
    postValues(source, requests, sourceRequestForm);
    if (!wanted) want();
    wanted = true;
  };
}
