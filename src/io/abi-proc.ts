/** The ABI of native/makuo-process.h, for bun:ffi. Plain data: ffi.ts loads it. */

export const procSymbols = {
  mk_set_name: { args: ["ptr"], returns: "i32" },
  mk_release_program: { args: [], returns: "i32" },
  mk_user: { args: ["ptr", "ptr"], returns: "i32" },
  mk_user_by_id: { args: ["u32", "ptr"], returns: "i32" },
  mk_group: { args: ["ptr", "ptr"], returns: "i32" },
  mk_drop_privileges: { args: ["u32", "u32", "ptr", "u32"], returns: "i32" },
  mk_chroot: { args: ["ptr"], returns: "i32" },
  mk_core_dumps: { args: ["u32"], returns: "i32" },
  mk_groups: { args: ["ptr", "u32"], returns: "i32" },
  mk_syslog_open: { args: [], returns: "i32" },
  mk_syslog: { args: ["u32", "ptr"], returns: "void" },
  mk_notify_open: { args: ["ptr", "u32"], returns: "i32" },
  mk_notify: { args: ["i32", "ptr", "u32"], returns: "i32" },
  mk_null_open: { args: [], returns: "i32" },
  mk_standard: { args: ["i32"], returns: "i32" },
  mk_pipe: { args: ["ptr"], returns: "i32" },
  mk_spawn: { args: ["ptr", "u32", "u32", "u32", "ptr", "i32"], returns: "i32" },
  mk_exec: { args: ["ptr", "u32", "u32", "u32", "ptr"], returns: "i32" },
  mk_wait_child: { args: ["i32", "ptr"], returns: "i32" },
} as const;

/** Where a process that was started by mk_spawn finds the descriptor that it was given. */
export const READY_FD = 3;

export const procLayout: readonly (readonly [name: string, value: number])[] = [["READY_FD", READY_FD]];
