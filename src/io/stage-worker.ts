import { errorText } from "../disk/errno.ts";
import { createStage } from "../disk/stage.ts";
import type { StageReply, StageRequest } from "../wire/disk-port.ts";
import { stageReplyForm, stageRequestForm } from "./disk-mail.ts";
import { openDiskTools, Replies, takeRequests } from "./disk-thread.ts";
import { stageLine } from "./stage-log.ts";
import { awaitData, type DiskThreadData, type StageNotice } from "./threads.ts";

/** The stage's thread: compares, stages and switches for the pushes that this node receives. */

awaitData<DiskThreadData>((data) => {
  const tell = (notice: StageNotice) => data.main.postMessage(notice);
  const log = (text: string) => tell({ kind: "log", level: 0, text });
  const level = new Int32Array(data.logLevel);
  const replies = new Replies(data, stageReplyForm);
  const emit = (message: StageReply) => {
    replies.add(message);
    const line = stageLine(message);
    if (line !== undefined && line.level <= (level[0] ?? 0)) tell({ kind: "log", ...line });
  };
  const stage = createStage({ ...openDiskTools(data), emit, log });

  const cleaned = stage.cleanAtStart();
  if (cleaned < 0) log(`cannot remove what an earlier push left in the base: ${errorText(-cleaned)}`);
  tell({ kind: "ready" });

  const handle = (request: StageRequest) => {
    // What is no block may take long, and slots are waited for.
    if (request.kind === "prepare") replies.leave();
    else if (request.kind !== "block") replies.send();
    stage.handle(request);
    if (request.kind !== "block") replies.send();
  };
  takeRequests(data, stageRequestForm, { handle, done: () => replies.send() });
});
