/**
 * Conversations with the console as they are recorded in `conversations/`, byte by byte, against four hosts. `MAKUOSAN_RECORD=1` writes
 * what comes instead of comparing it: then every byte of it has to be read by someone who knows what it should be.
 */
import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { Lab } from "../lab/lab.ts";
import { SCENARIO_MS } from "../lab/scenario.ts";
import { Theatre } from "./theatre.ts";
import { parseTranscript, printTranscript } from "./transcript.ts";

const folder = new URL("conversations/", import.meta.url).pathname;
const recording = process.env.MAKUOSAN_RECORD === "1";

setDefaultTimeout(SCENARIO_MS);

let lab: Lab;
let theatre: Theatre;
beforeAll(async () => {
  lab = await Lab.create({ hosts: 4 });
  theatre = new Theatre(lab);
}, SCENARIO_MS);
afterAll(() => lab[Symbol.asyncDispose]());

for (const name of readdirSync(folder).sort()) {
  test(name, async () => {
    const text = readFileSync(folder + name, "utf8");
    const steps = parseTranscript(text);
    const played = printTranscript(await theatre.play(steps));
    if (recording) writeFileSync(folder + name, played);
    else expect(played).toBe(text);
  });
}
