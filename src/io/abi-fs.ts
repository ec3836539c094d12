/** The file-system section of native/makuo.h, for bun:ffi. Plain data: ffi.ts loads it. */

export const fsSymbols = {} as const;

/** Words that mk_layout gives after the others, by name. */
export const fsLayout: readonly (readonly [name: string, value: number])[] = [];
