import type { Random } from "../engine/ports.ts";

const poolWords = 1024;

/** 32 random bits a call from the system's generator, fetched in bulk. */
export function systemRandom(): Random {
  const pool = new Uint32Array(poolWords);
  let left = 0;
  return () => {
    if (left === 0) {
      crypto.getRandomValues(pool);
      left = poolWords;
    }
    left--;
    return pool[left] as number;
  };
}
