import { errorText } from "../disk/errno.ts";
import { createStage } from "../disk/stage.ts";
import type { StageRequest } from "../wire/disk-port.ts";
import { diskThreadData, openDiskTools, reply, takeRequests } from "./disk-thread.ts";
import type { StageNotice } from "./threads.ts";

/** The stage's thread: compares, stages and switches for the pushes that this node receives. */

const data = diskThreadData();
const stage = createStage({ ...openDiskTools(data), emit: (message) => reply(data, message) });

const cleaned = stage.cleanAtStart();
const text =
  cleaned < 0 ? `cannot remove what an earlier push left in the base: ${errorText(-cleaned)}` : undefined;
data.main.postMessage({ kind: "ready", text } satisfies StageNotice);

takeRequests<StageRequest>(data, (request) => stage.handle(request));
