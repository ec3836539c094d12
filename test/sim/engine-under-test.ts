import { createEngine } from "../../src/engine/node.ts";
import type { Engine, EngineConfig, EngineMemory, Random } from "../../src/engine/ports.ts";

/** The production engine. The one place that imports it, so that nothing else of the simulator can know its inside. */
export function engineOf(config: EngineConfig, memory: EngineMemory, random: Random): Engine {
  return createEngine(config, memory, random);
}
