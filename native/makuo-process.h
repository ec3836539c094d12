/* The part of the ABI that is about processes. The rules of makuo.h, which includes this, hold here as well. */
#ifndef MAKUO_PROCESS_H
#define MAKUO_PROCESS_H

#include <stdint.h>

/* ---- 12. Process -------------------------------------------------------------------------------------------------------------- */

/* Names the calling thread (15 bytes count); the main thread's name is the process's. */
MK_API int32_t mk_set_name(const char *name);

/*
 * Lets go of the pages of the program's own code and constants: whatever is used again comes back from the file, or from the system's memory of it,
 * the rest no longer counts as this process's. [madvise]
 */
MK_API int32_t mk_release_program(void);

/* Looks up a user by name: out[0] uid, out[1] gid. -ENOENT: there is none. */
MK_API int32_t mk_user(const char *name, uint32_t *out);
MK_API int32_t mk_user_by_id(uint32_t uid, uint32_t *out);

/* Looks up a group by name: out[0] gid. */
MK_API int32_t mk_group(const char *name, uint32_t *out);

/*
 * Gives up privileges in all threads: supplementary groups, then real, effective and saved gid, then uid; then makes sure that it took.
 * -EPERM as well if root could be regained.
 */
MK_API int32_t mk_drop_privileges(uint32_t uid, uint32_t gid, const uint32_t *groups, uint32_t count);

/* Makes a directory the process's root and working directory. [chroot] */
MK_API int32_t mk_chroot(const char *path);

/* Allows core dumps as far as the hard limit goes (after a change of user: again), or forbids them for good. [setrlimit, prctl] */
MK_API int32_t mk_core_dumps(uint32_t allowed);

/* All groups that the system can list: "GID NAME" and NUL, one after the other; returns the bytes written. Not for two threads at once. */
MK_API int32_t mk_groups(char *out, uint32_t bytes);

/*
 * Opens the connection to the system's log (/dev/log; facility daemon, "makuosan" and the process id before each line), or opens it again;
 * what an earlier call has opened stays if there is an error. mk_syslog's priority is that of syslog(3), 0..7. [connect]
 */
MK_API int32_t mk_syslog_open(void);
MK_API void mk_syslog(uint32_t priority, const char *text);

/* A socket connected to a service manager's (sd_notify(3); '@' stands for NUL at the beginning), for mk_close; and one message to it. */
MK_API int32_t mk_notify_open(const char *path, uint32_t bytes);
MK_API int32_t mk_notify(int32_t fd, const char *text, uint32_t bytes);

/* A descriptor of /dev/null; and making a descriptor standard input, output and error. */
MK_API int32_t mk_null_open(void);
MK_API int32_t mk_standard(int32_t fd);

/* The two ends of a pipe, close-on-exec: ends[0] to read. [pipe2] */
MK_API int32_t mk_pipe(int32_t *ends);

/* Where a process started by mk_spawn finds the descriptor that it was given. */
#define MK_READY_FD 3

/*
 * Starts this program again, in a session of its own, with nothing to read and no other descriptors but its output. `strings` are its arguments, then its variables, each with its
 * NUL, `bytes` bytes in all; `table` is memory for arguments + variables + 2 words. Returns the process id. [posix_spawn]
 */
MK_API int32_t mk_spawn(char *strings, uint32_t bytes, uint32_t arguments, uint32_t variables, uint64_t *table, int32_t ready_fd);

/* Starts this program anew in this very process, which keeps its descriptors; otherwise as mk_spawn. Returns only if that failed. [execve] */
MK_API int32_t mk_exec(char *strings, uint32_t bytes, uint32_t arguments, uint32_t variables, uint64_t *table);

/* Waits for the end of a process: out[0] is its exit status, out[1] the signal that ended it, or 0. [waitpid] */
MK_API int32_t mk_wait_child(int32_t pid, uint32_t *out);

#endif
