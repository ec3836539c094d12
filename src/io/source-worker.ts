import { createSource } from "../disk/source.ts";
import type { PushKey } from "../wire/disk-port.ts";
import { sourceReplyForm, sourceRequestForm } from "./disk-mail.ts";
import { openDiskTools, Replies, takeRequests } from "./disk-thread.ts";
import { PassedOn } from "./memory.ts";
import { namesBytes, type PushLine, toPushLine } from "./push-lines.ts";
import { awaitData, type DiskThreadData, type SourceNotice } from "./threads.ts";

/** The source's thread: scans and reads for the pushes of this node. */

awaitData<DiskThreadData>((data) => {
  const tell = (notice: SourceNotice) => data.main.postMessage(notice);

  const passedOn = new PassedOn();
  const replies = new Replies(data, sourceReplyForm);
  /** Lines of one push that have not been posted yet: one request makes many. */
  let told: { readonly key: PushKey; readonly lines: PushLine[] } | undefined;

  const source = createSource({
    ...openDiskTools(data),
    clock: () => performance.now() * 1000,
    tell: (line) => {
      if (told?.key.push !== line.key.push) flush();
      told ??= { key: line.key, lines: [] };
      told.lines.push(toPushLine(line));
    },
    log: (text) => tell({ kind: "log", level: 0, text }),
    later: (ms, resume) => {
      setTimeout(() => {
        resume();
        settle();
      }, ms);
    },
    emit: (message) => {
      if (message.kind === "closed") {
        flush();
        tell({ kind: "closed", key: message.key });
      }
      replies.add(message);
    },
  });

  takeRequests(data, sourceRequestForm, { handle: (request) => source.handle(request), done: settle });

  function settle(): void {
    flush();
    replies.send();
  }

  function flush(): void {
    if (told === undefined) return;
    tell({ kind: "lines", ...told });
    const bytes = namesBytes(told.lines);
    told = undefined;
    passedOn.add(bytes);
  }
});
