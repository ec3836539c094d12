/** The section "Process" of native/makuo.h, for bun:ffi. Plain data: ffi.ts loads it. */

export const procSymbols = {
  mk_set_name: { args: ["ptr"], returns: "i32" },
  mk_user: { args: ["ptr", "ptr"], returns: "i32" },
  mk_user_by_id: { args: ["u32", "ptr"], returns: "i32" },
  mk_group: { args: ["ptr", "ptr"], returns: "i32" },
  mk_drop_privileges: { args: ["u32", "u32", "ptr", "u32"], returns: "i32" },
} as const;
