/*
 * The whole ABI between the TypeScript side and the shim.
 *
 * Ownership: every byte that a call reads or writes is the caller's memory and outlives the call; the shim keeps nothing, has no globals
 *   but const tables, allocates nothing, starts no thread and calls nothing back. Calls for different memory may run at the same time.
 * Result: >= 0 is a count (or a mask where said so), < 0 is -errno. Nothing is printed. EINTR is handled here; EAGAIN is the caller's.
 * Shapes: 32-bit words and struct fields are in the machine's byte order; packets are as in src/wire/PROTOCOL.md. An IPv4 address in a
 *   word is a number whose most significant byte is the first of the dotted form. Addresses of memory are 64-bit.
 * Bounds: whatever comes in a table or row is checked against the memory that it leads to, by subtraction, before use.
 *
 * src/io/abi-*.ts repeat this page for bun:ffi; mk_layout lets the loader compare the two.
 */
#ifndef MAKUO_H
#define MAKUO_H

#include <stdint.h>

#define MK_API __attribute__((visibility("default")))

/* ---- 1. Handshake ------------------------------------------------------------------------------------------------------------- */

/* Raised with every change that an old caller would not survive. */
#define MK_ABI_VERSION 1u

MK_API uint32_t mk_abi_version(void);

/* Copies the layout words (sizes, offsets and numbers of this page, in the order of abi.c) to out, at most max; returns how many exist. */
MK_API uint32_t mk_layout(uint32_t *out, uint32_t max);

/* ---- 2. Wire numbers (PROTOCOL §2, §5) ---------------------------------------------------------------------------------------- */

#define MK_HEADER_BYTES 32u
#define MK_SYMBOLS_MAX 224u
/* Most bytes of a UDP payload over IPv4, and so of a burst of segments. */
#define MK_DATAGRAM_MAX 65507u

/* ---- 3. Receive table (src/wire/rx-table.ts) ---------------------------------------------------------------------------------- */

#define MK_RX_CONTEXTS 8u
#define MK_RX_RING 512u
#define MK_RX_HEAD_WORDS 32u
#define MK_RX_ENTRY_WORDS 16u
#define MK_RX_CONTEXT_WORDS (MK_RX_HEAD_WORDS + MK_RX_RING * MK_RX_ENTRY_WORDS)
#define MK_RX_TABLE_WORDS (MK_RX_CONTEXTS * MK_RX_CONTEXT_WORDS)
#define MK_NO_SLOT 0xffffffffu

enum mk_rx_head {
  MK_RX_ACTIVE = 0,
  MK_RX_OWNER_HIGH = 1,
  MK_RX_OWNER_LOW = 2,
  MK_RX_PUSH = 3,
  MK_RX_SYMBOL_SIZE = 4,
  MK_RX_BLOCK_SYMBOLS = 5,
  MK_RX_BASE = 6,
  MK_RX_LIMIT = 7,
  MK_RX_EDGE_BLOCK = 8,
  MK_RX_EDGE_SYMBOL = 9,
  MK_RX_SEQUENCE = 10,
  MK_RX_RECEIVED = 11,
  MK_RX_DUPLICATES = 12,
  MK_RX_OUTSIDE = 13,
  MK_RX_MISMATCHED = 14,
  MK_RX_POLLED = 15,
  MK_RX_TOUCHED = 16
};

enum mk_rx_entry {
  MK_RX_SLOT = 0,
  MK_RX_SYMBOLS = 1,
  MK_RX_FLAGS = 2,
  MK_RX_HAVE = 3,
  MK_RX_LAST_BYTES = 4,
  MK_RX_BITMAP = 8 /* 8 words */
};

/* ---- 4. Send rows (src/wire/tx-row.ts) ---------------------------------------------------------------------------------------- */

#define MK_TX_ROW_WORDS 12u
#define MK_TX_ROWS_MAX 64u

enum mk_tx_row {
  MK_TX_SLOT = 0,
  MK_TX_BLOCK = 1,
  MK_TX_FIRST = 2,
  MK_TX_COUNT = 3,
  MK_TX_SYMBOLS = 4,
  MK_TX_LAST_BYTES = 5,
  MK_TX_FLAGS = 6,
  MK_TX_PUSH = 7,
  MK_TX_SYMBOL_SIZE = 8,
  MK_TX_SEQUENCE = 9
};

/* ---- 5. Control records ------------------------------------------------------------------------------------------------------- */

/*
 * Control packets cross in a flat buffer: records of this head, then `bytes` bytes of packet, then padding to the next multiple of 4.
 * To send: where to; ip 0 is the group. Received: where from.
 */
struct mk_record {
  uint32_t ip;
  uint16_t port;
  uint16_t bytes;
};

/* ---- 6. Hashes ---------------------------------------------------------------------------------------------------------------- */

/* CRC32C as in RFC 3720 B.4: "123456789" gives 0xe3069283. */
MK_API uint32_t mk_crc32c(const uint8_t *data, uint32_t bytes);

/* XXH3-128 of `bytes` bytes, canonical (big-endian) form, to out[16] (PROTOCOL §5.3). */
MK_API void mk_xxh3_128(const uint8_t *data, uint32_t bytes, uint64_t seed, uint8_t *out);

/* The same with seed 0 over several pieces (PROTOCOL §10.4). The state is MK_XXH3_STATE_BYTES of any alignment and must not move. */
#define MK_XXH3_STATE_BYTES 640u
MK_API void mk_xxh3_128_reset(void *state);
MK_API void mk_xxh3_128_update(void *state, const uint8_t *data, uint32_t bytes);
/* May be called more than once, and followed by further updates. */
MK_API void mk_xxh3_128_digest(const void *state, uint8_t *out);

/* ---- 7. Interfaces ------------------------------------------------------------------------------------------------------------ */

enum mk_interface_flag { MK_INTERFACE_UP = 1, MK_INTERFACE_LOOPBACK = 2, MK_INTERFACE_MULTICAST = 4 };

struct mk_interface {
  uint32_t index;
  uint32_t ip;
  uint32_t netmask;
  uint32_t mtu;
  uint32_t flags;
  char name[20]; /* NUL-terminated */
};

/* Writes one row for each IPv4 address of this host, at most max; returns how many exist (more than max: call again with more room). */
MK_API int32_t mk_interfaces(struct mk_interface *out, uint32_t max);

/* Writes the local address from which the kernel would send to `ip`. Errors: -ENETUNREACH and others of connect(2). */
MK_API int32_t mk_route_source(uint32_t ip, uint32_t *out);

/* ---- 8. Wake-up and waiting --------------------------------------------------------------------------------------------------- */

/* An eventfd, non-blocking and close-on-exec; returns it. */
MK_API int32_t mk_wake_open(void);

/* Makes the thread that waits with wake_fd return. Any thread may call it. */
MK_API int32_t mk_wake(int32_t wake_fd);

MK_API int32_t mk_close(int32_t fd);

/* ---- 9. The network state ----------------------------------------------------------------------------------------------------- */

enum mk_option { MK_OPTION_NO_GSO = 1, MK_OPTION_NO_GRO = 2 };

/* Offload that is in use. Send clears its bit for good when the kernel refuses a burst. */
enum mk_offload { MK_OFFLOAD_GSO = 1, MK_OFFLOAD_GROUP_GRO = 2, MK_OFFLOAD_UNICAST_GRO = 4 };

/* Where mk_net_open failed. */
enum mk_step {
  MK_STEP_NONE = 0,
  MK_STEP_GROUP_SOCKET = 1,
  MK_STEP_GROUP_REUSE = 2,
  MK_STEP_GROUP_BIND = 3,
  MK_STEP_JOIN = 4,
  MK_STEP_MULTICAST_ALL = 5,
  MK_STEP_UNICAST_SOCKET = 6,
  MK_STEP_UNICAST_BIND = 7,
  MK_STEP_MULTICAST_INTERFACE = 8,
  MK_STEP_TTL = 9,
  MK_STEP_MULTICAST_LOOP = 10,
  MK_STEP_DONT_FRAGMENT = 11,
  MK_STEP_UNICAST_NAME = 12
};

/* What became of a packet: the verdicts of src/wire/twin.ts, by position. */
enum mk_verdict {
  MK_DATA = 0,    /* DATA of a push that is being received; the context says more */
  MK_CONTROL = 1, /* any other type; its body is not checked here */
  MK_OWN = 2,     /* from this node; not counted */
  MK_STRAY = 3,   /* DATA of a push that is not being received */
  MK_DROP_SHORT = 4,
  MK_DROP_MAGIC = 5,
  MK_DROP_VERSION = 6,
  MK_DROP_GROUP = 7,
  MK_DROP_CHECKSUM = 8,
  MK_DROP_NODE = 9,
  MK_DROP_TYPE = 10, /* from here on PROTOCOL §2.1 for DATA; the codec does it for the others */
  MK_DROP_RESERVED = 11,
  MK_DROP_LONG = 12,
  MK_DROP_RANGE = 13,
  MK_VERDICTS = 14
};

/* Counters that are not a verdict's. */
enum mk_counter {
  MK_COUNT_SENT_PACKETS = MK_VERDICTS,
  MK_COUNT_SENT_BYTES, /* UDP payload */
  MK_COUNT_SENT_BURSTS, /* datagrams handed to the kernel */
  MK_COUNT_RECEIVED_BYTES, /* UDP payload, own packets included */
  MK_COUNT_RECEIVED_BURSTS,
  MK_COUNTERS
};

/* One for each member of a group. 64-bit aligned, zeroed, then filled in by the caller as far as marked. */
struct mk_net {
  /* The caller's, before mk_net_open: */
  uint64_t node;            /* own node id */
  uint64_t table;           /* address of the receive table, MK_RX_TABLE_WORDS words */
  uint64_t arena;           /* address of slot 0 */
  uint64_t arena_bytes;
  uint32_t slot_bytes;
  uint32_t group_tag;       /* PROTOCOL §2.2 */
  uint32_t group_ip;
  uint32_t group_port;
  uint32_t interface_ip;
  uint32_t interface_index;
  uint32_t receive_buffer;  /* bytes wanted for each socket; 0: the system's default */
  uint32_t send_buffer;
  uint32_t options;         /* enum mk_option */
  /* The shim's: */
  int32_t group_fd;
  int32_t unicast_fd;
  uint32_t unicast_port;
  uint32_t group_receive_buffer; /* granted, as SO_RCVBUF says: the kernel's own overhead is charged to it, too */
  uint32_t unicast_receive_buffer;
  uint32_t unicast_send_buffer;
  uint32_t offload;         /* enum mk_offload */
  uint32_t step;            /* enum mk_step, of the last mk_net_open */
  uint32_t out_bytes;       /* mk_receive: bytes of records written */
  uint32_t more;            /* mk_receive: 1 if it should be called again before waiting */
  uint32_t touched;         /* mk_receive: DATA packets that changed the table */
  uint64_t counters[MK_COUNTERS]; /* enum mk_verdict, then enum mk_counter; they only grow */
};

/*
 * Opens both sockets (PROTOCOL §1.2): one bound to the group's address and port and joined on the interface, one bound to the interface's
 * address and a free port, which sends with time-to-live 1, loops back to this host, and never fragments. Both non-blocking and
 * close-on-exec. Buffers are forced where allowed; what was granted is in the state, as is the offload that works. On error nothing
 * stays open, and `step` says where it failed.
 */
MK_API int32_t mk_net_open(struct mk_net *net);

/* Closes both sockets; the group is left. */
MK_API int32_t mk_net_close(struct mk_net *net);

enum mk_ready { MK_READY_GROUP = 1, MK_READY_UNICAST = 2, MK_READY_SEND = 4, MK_READY_WAKE = 8 };

/* What mk_wait waits for besides wake_fd and the time: packets; room to send. */
enum mk_want { MK_WANT_PACKETS = 1, MK_WANT_SEND = 2 };

/*
 * Waits until wake_fd (or -1) was woken, what is wanted (bits of enum mk_want) is there, or timeout_us microseconds are over (negative: no
 * limit). Returns a mask of enum mk_ready, 0 after the time, and takes back the wake-up.
 */
MK_API int32_t mk_wait(const struct mk_net *net, int32_t wake_fd, int64_t timeout_us, uint32_t want);

/* ---- 10. Sending -------------------------------------------------------------------------------------------------------------- */

/* Scratch memory of the send calls, 64-bit aligned; holds nothing between calls. */
#define MK_SEND_SCRATCH_BYTES 131072u

/*
 * Sends the rows to the group as DATA packets (PROTOCOL §5). cursor[0] is the number of rows done, cursor[1] of symbols done of the next
 * row; both 0 at first, moved on by what was sent. Returns the packets sent; if the cursor is not at the end then, the socket is full
 * (wait for MK_READY_SEND) or the next call names the error. Errors when nothing was sent: -EAGAIN, -EFAULT for a row that leads out of
 * the arena or contradicts itself (checked for all rows before anything is sent), others of sendmmsg(2).
 */
MK_API int32_t mk_send_data(struct mk_net *net, const uint32_t *rows, uint32_t row_count, uint32_t *cursor, void *scratch);

/*
 * Sends control records; writes each packet's checksum into it. cursor[0] is the number of bytes done, moved on by what was sent.
 * Returns the packets sent, else as mk_send_data; after an error other than -EAGAIN the record at the cursor is the one that failed.
 */
MK_API int32_t mk_send_control(struct mk_net *net, uint8_t *records, uint32_t bytes, uint32_t *cursor, void *scratch);

/* The packets that mk_send_data would send, as records with ip 0, without sending them. Returns bytes written, -ENOSPC, or -EFAULT. */
MK_API int32_t mk_build_data(const struct mk_net *net, const uint32_t *rows, uint32_t row_count, uint8_t *out, uint32_t out_bytes);

/* ---- 11. Receiving ------------------------------------------------------------------------------------------------------------ */

enum mk_socket { MK_SOCKET_GROUP = 0, MK_SOCKET_UNICAST = 1 };

/* Scratch memory of mk_receive, 64-bit aligned, zeroed before the first call. Between calls it may hold packets that did not fit. */
#define MK_RECEIVE_SCRATCH_BYTES 2228224u
/* A record buffer at least this large takes any one packet. */
#define MK_RECORDS_BYTES_MIN 65544u

/*
 * Takes packets from a socket, about a megabyte at most (first what an earlier call left in scratch). DATA goes into the table and the arena, control
 * packets to out as records, the rest into the counters. Returns the number of records; `out_bytes`, `more` and `touched` say the rest.
 * Errors: -ENOSPC for an out that is too small, -EFAULT for a table that leads out of the arena, others of recvmmsg(2) but EAGAIN.
 */
MK_API int32_t mk_receive(struct mk_net *net, uint32_t socket, void *scratch, uint8_t *out, uint32_t out_bytes);

/*
 * What mk_receive does with one packet: checks it, counts the verdict, and puts DATA into the table. Returns enum mk_verdict, or -EFAULT.
 */
MK_API int32_t mk_packet(struct mk_net *net, const uint8_t *packet, uint32_t bytes);

/* ---- 12. Process -------------------------------------------------------------------------------------------------------------- */

/* Names the calling thread (15 bytes count); the main thread's name is the process's. */
MK_API int32_t mk_set_name(const char *name);

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

/* ---- 13. File system ---------------------------------------------------------------------------------------------------------- */

/*
 * Names and paths are NUL-terminated bytes. A directory is named by a descriptor that the caller holds; MK_FS_OPEN_PARENT's kind is enough
 * but where said otherwise. Linux 5.8 or later is needed. Errors are those of the system call in brackets.
 */

/* How a path is opened. All but the first go through no link and never leave the directory that they start from; all are close-on-exec. */
enum mk_fs_way {
  MK_FS_OPEN_BASE = 0,        /* a directory by any path, links followed; `directory` is not looked at */
  MK_FS_OPEN_PARENT = 1,      /* a directory, to name what is in it (O_PATH) */
  MK_FS_OPEN_HANDLE = 2,      /* whatever it is, links too, for metadata (O_PATH) */
  MK_FS_OPEN_DIRECTORY = 3,   /* a directory, to list or flush it */
  MK_FS_OPEN_READ = 4,        /* a file, for reading; a FIFO does not block */
  MK_FS_OPEN_READ_NOATIME = 5, /* the same, leaving the time of access alone; -EPERM for a file of another owner */
  MK_FS_OPEN_CREATE = 6       /* a new file with mode 0600, for writing; -EEXIST if the name is taken */
};

/* Returns a descriptor, for mk_close. [openat2] */
MK_API int32_t mk_fs_open(int32_t directory, const char *path, uint32_t way);

/* Next bufferful of a directory's names as struct linux_dirent64; returns its bytes, 0 at the end. MK_FS_OPEN_DIRECTORY. [getdents64] */
MK_API int32_t mk_fs_list(int32_t directory, void *out, uint32_t bytes);

struct mk_fs_stat {
  int64_t seconds;      /* of modification */
  int64_t changed_ns;   /* of the last change of anything (ctime), nanoseconds since 1970 */
  uint64_t size;
  uint64_t mount;       /* id of the mount */
  uint64_t inode;
  uint32_t nanoseconds; /* of modification */
  uint32_t mode;        /* type and permissions, as st_mode */
  uint32_t uid;
  uint32_t gid;
  int32_t error;        /* 0, or errno with all else 0 */
  uint32_t links;       /* names that it has */
  uint64_t device;      /* of the file system, or of the subvolume where it has such */
  uint32_t locked;      /* 1 if immutable or append-only (chattr(1)): nobody can rename it or change its metadata */
  uint32_t major;       /* which device a device node is; 0 of all else */
  uint32_t minor;
  uint32_t zero;
};

/* Status of an open file; links are not followed. [statx] */
MK_API int32_t mk_fs_stat(int32_t fd, struct mk_fs_stat *out);

/*
 * Status of `count` names in a directory; `names` holds them one after the other, each with its NUL, `bytes` bytes in all. Writes one row
 * for each, failed ones included, and returns count. -EINVAL, before anything is done, if the names are not as said. [statx]
 */
MK_API int32_t mk_fs_stat_many(int32_t directory, const char *names, uint32_t bytes, uint32_t count, struct mk_fs_stat *out);

/* Writes what a link says, without NUL, cut off at `bytes`; returns its bytes. [readlinkat] */
MK_API int32_t mk_fs_read_link(int32_t directory, const char *name, void *out, uint32_t bytes);

/* Reads until `bytes` bytes are there or the file ends; returns the bytes read. [pread] */
MK_API int64_t mk_fs_read(int32_t fd, void *into, uint64_t bytes, int64_t position);

/* Writes all; returns bytes. After an error some may have been written. [pwrite] */
MK_API int64_t mk_fs_write(int32_t fd, const void *from, uint64_t bytes, int64_t position);

MK_API int32_t mk_fs_mkdir(int32_t directory, const char *name, uint32_t mode);              /* [mkdirat] */
MK_API int32_t mk_fs_symlink(const char *target, int32_t directory, const char *name);       /* [symlinkat] */
MK_API int32_t mk_fs_mkfifo(int32_t directory, const char *name);                            /* mode 0600 [mknodat] */

/* A device node with mode 0600, for root only. -EINVAL if the kernel has no such number. [mknodat] */
enum mk_fs_device { MK_FS_BLOCK = 0, MK_FS_CHARACTER = 1 };
MK_API int32_t mk_fs_mkdevice(int32_t directory, const char *name, uint32_t kind, uint32_t major, uint32_t minor);

MK_API int32_t mk_fs_unlink(int32_t directory, const char *name);                            /* [unlinkat] */
MK_API int32_t mk_fs_rmdir(int32_t directory, const char *name);                             /* [unlinkat] */

/* Renames, replacing what can be replaced; or exchanges two names. [renameat2] */
MK_API int32_t mk_fs_rename(int32_t from_directory, const char *from, int32_t to_directory, const char *to);
MK_API int32_t mk_fs_exchange(int32_t from_directory, const char *from, int32_t to_directory, const char *to);

/* Metadata of an open file of any way of opening; of a link itself. The owner first: chown takes set-id bits away. Access time stays. */
MK_API int32_t mk_fs_chown(int32_t fd, uint32_t uid, uint32_t gid);                          /* [fchownat] */
MK_API int32_t mk_fs_chmod(int32_t fd, uint32_t mode);                                       /* not for links [fchmod, fchmodat2] */
MK_API int32_t mk_fs_utime(int32_t fd, int64_t seconds, uint32_t nanoseconds);               /* [utimensat] */

/* Flushes one file or directory, or its whole file system; or only starts writing a range. Not for O_PATH. */
MK_API int32_t mk_fs_sync(int32_t fd);                                                       /* [fsync] */
MK_API int32_t mk_fs_sync_all(int32_t fd);                                                   /* [syncfs] */
MK_API int32_t mk_fs_write_back(int32_t fd, int64_t position, int64_t bytes);                /* [sync_file_range] */

/* Says that the file will be read from front to back. [posix_fadvise] */
MK_API int32_t mk_fs_sequential(int32_t fd);

struct mk_fs_space {
  uint64_t available;   /* bytes for everybody */
  uint64_t free;        /* bytes for root */
  uint64_t inodes;      /* 0: this file system does not count them */
  uint64_t inodes_free;
  uint64_t read_only;   /* 1 if mounted read only */
  uint64_t type;        /* f_type, as in <linux/magic.h> */
};

/* Space of the file system. [fstatfs] */
MK_API int32_t mk_fs_space(int32_t fd, struct mk_fs_space *out);

/* 0 if this process may make and remove names in the directory. [faccessat2] */
MK_API int32_t mk_fs_may_write(int32_t fd);

/* Locks a directory (MK_FS_OPEN_DIRECTORY) for as long as this descriptor is open; -EWOULDBLOCK if another one has it. [flock] */
MK_API int32_t mk_fs_lock(int32_t fd);

/* The clock from which the kernel takes files' times, which ticks every 1 to 10 ms; nanoseconds since 1970. [clock_gettime] */
MK_API int64_t mk_fs_now_ns(void);

/*
 * 1 if a file (MK_FS_OPEN_READ) was at rest at some moment of the call: nobody had it open for writing, a shared mapping and a write that is
 * under way included, on a file system that gives each change the time of the clock of mk_fs_now_ns, or a later one, before it makes it, or while
 * the file is still open for it. 0: somebody had, or it cannot be told. Whoever opens the file for writing at that very moment waits for the end of the call, or is told
 * EWOULDBLOCK if he did not want to wait. [fstatfs, fcntl: F_SETSIG, F_SETLEASE]
 */
MK_API int32_t mk_fs_at_rest(int32_t fd);

/*
 * ---- 13.1 Many small files in one call. Rows have `name` as an offset in `names`, which ends in a NUL, and `at` and `bytes` as a part of
 * the arena. All rows are looked at before anything is done: -EINVAL if one of them is not as said, or a name contains a slash.
 */

/* As uid or gid: it is not changed, as for chown(2). */
#define MK_FS_OWNER_STAYS 0xffffffffu

/* What failed of a row of mk_fs_make_files. */
enum mk_fs_make_step { MK_FS_MAKE_CREATE = 0, MK_FS_MAKE_WRITE = 1, MK_FS_MAKE_METADATA = 2 };

struct mk_fs_new_file {
  uint64_t at;          /* its bytes, all of them */
  int64_t seconds;      /* of modification */
  uint32_t bytes;
  uint32_t nanoseconds;
  int32_t directory;
  uint32_t name;
  uint32_t uid;
  uint32_t gid;
  uint32_t mode;        /* 12 bits */
  int32_t error;        /* out: 0, or the errno that ended the call */
  uint32_t step;        /* out: enum mk_fs_make_step, with an error */
  uint32_t zero;
  uint8_t digest[16];   /* out: XXH3-128 of the bytes, seed 0, canonical */
};

/*
 * Makes files, each as by MK_FS_OPEN_CREATE, mk_fs_write, mk_fs_chown, mk_fs_chmod, mk_fs_utime and mk_close; owner and mode are set only
 * where they are not right already. Ends at the first error. Returns how many were made: less than count if the row of that number has an
 * error, which may have left the file there, incomplete. [openat2, pwrite, fstat, fchown, fchmod, utimensat, close]
 */
MK_API int32_t mk_fs_make_files(uint8_t *arena, uint64_t arena_bytes, const char *names, uint32_t names_bytes,
                                struct mk_fs_new_file *rows, uint32_t count);

struct mk_fs_old_file {
  uint64_t at;          /* where its bytes go: as many as it must have */
  int64_t seconds;      /* of modification, as it must be */
  int64_t changed_ns;   /* out: time of the last change of anything when it was opened; 0 if it was not, or was no such file */
  uint32_t bytes;
  uint32_t nanoseconds;
  int32_t directory;
  uint32_t name;
  int32_t error;        /* out: 0, or errno */
  uint32_t changed;     /* out: 1 if it is not, or did not stay, a file of that size and time all the while */
  uint8_t digest[16];   /* out: as above; zeros unless it is good */
  uint32_t at_rest;     /* out: 1 if mk_fs_at_rest said so before it was read and after, between the two looks; asked only of young files */
  uint32_t zero;
};

/*
 * Reads files from front to back, each as by MK_FS_OPEN_READ_NOATIME (or MK_FS_OPEN_READ where that is not allowed), mk_fs_stat, mk_fs_read,
 * mk_fs_stat and mk_close. What cannot be read becomes zeros from there on. Of those that changed at `young_ns` or later (nanoseconds since 1970)
 * it is also said whether they were at rest. Returns count. [openat2, fstat, pread, close, and those of mk_fs_at_rest]
 */
MK_API int32_t mk_fs_read_files(uint8_t *arena, uint64_t arena_bytes, const char *names, uint32_t names_bytes,
                                struct mk_fs_old_file *rows, uint32_t count, int64_t young_ns);

/* How a name differs from what is expected of it: bits. */
enum mk_fs_differs {
  MK_FS_OTHER_TYPE = 1,
  MK_FS_OTHER_MODE = 2,
  MK_FS_OTHER_OWNER = 4,  /* uid or gid */
  MK_FS_OTHER_TIME = 8,
  MK_FS_OTHER_SIZE = 16,  /* of two files */
  MK_FS_MISSING = 64,     /* there is no such name */
  MK_FS_UNKNOWN = 128     /* its status cannot be had for another reason */
};

struct mk_fs_expected {
  int64_t seconds;      /* of modification */
  uint64_t size;
  uint32_t nanoseconds;
  uint32_t mode;        /* type and permissions, as st_mode */
  uint32_t uid;
  uint32_t gid;
  uint32_t name;        /* offset in `names` */
  uint32_t differs;     /* out: enum mk_fs_differs, 0 if it is all that is expected */
};

/* Compares names of a directory, links not followed, with what is expected of them. Returns count. [statx] */
MK_API int32_t mk_fs_compare(int32_t directory, const char *names, uint32_t names_bytes, struct mk_fs_expected *rows, uint32_t count);

#endif
