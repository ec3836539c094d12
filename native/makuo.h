/*
 * The ABI between the TypeScript side and the shim: here the network and what all parts share; makuo-process.h and makuo-fs.h are the rest of it.
 *
 * Ownership: every byte that a call reads or writes is the caller's memory and outlives the call; the shim keeps nothing, has no globals
 *   but const tables, allocates nothing, starts no thread and calls nothing back. Calls for different memory may run at the same time.
 * Result: >= 0 is a count (or a mask where said so), < 0 is -errno. Nothing is printed. EINTR is handled here; EAGAIN is the caller's.
 * Shapes: 32-bit words and struct fields are in the machine's byte order; packets are as in src/wire/PROTOCOL.md. An IPv4 address in a
 *   word is a number whose most significant byte is the first of the dotted form. Addresses of memory are 64-bit.
 * Bounds: whatever comes in a table or row is checked against the memory that it leads to, by subtraction, before use.
 *
 * src/io/abi-*.ts repeat these pages for bun:ffi; mk_layout lets the loader compare the two.
 */
#ifndef MAKUO_H
#define MAKUO_H

#include <stdint.h>

#define MK_API __attribute__((visibility("default")))

#include "makuo-fs.h"
#include "makuo-process.h"

/* ---- 1. Handshake ------------------------------------------------------------------------------------------------------------- */

/* Raised with every change that an old caller would not survive. */
#define MK_ABI_VERSION 1u

MK_API uint32_t mk_abi_version(void);

/* Copies the layout words (sizes, offsets and numbers of these pages, in the order of abi.c) to out, at most max; returns how many exist. */
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
  MK_TX_SEQUENCE = 9,
  MK_TX_IP = 10,
  MK_TX_PORT = 11
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

/* Whether an address is one of this host's: 1 or 0. It counts as one where the system lets anybody bind to any. Errors: of socket(2) and bind(2). */
MK_API int32_t mk_is_own_address(uint32_t ip);

/* ---- 8. Wake-up and waiting --------------------------------------------------------------------------------------------------- */

/* An eventfd, non-blocking and close-on-exec; returns it. */
MK_API int32_t mk_wake_open(void);

/* Makes the thread that waits with wake_fd return. Any thread may call it. */
MK_API int32_t mk_wake(int32_t wake_fd);

MK_API int32_t mk_close(int32_t fd);

/* ---- 9. The network state ----------------------------------------------------------------------------------------------------- */

/* No loop: what mk_send_data sends to the group does not come back to this host. The caller may change that one at any time. */
enum mk_option { MK_OPTION_NO_GSO = 1, MK_OPTION_NO_GRO = 2, MK_OPTION_NO_LOOP = 4 };

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
 * address and a free port, which sends by the interface, with time-to-live 1, loops back to this host, and never fragments. Both non-blocking and
 * close-on-exec. Buffers are forced where allowed; what was granted is in the state, as is the offload that works. On error nothing
 * stays open, and `step` says where it failed.
 */
MK_API int32_t mk_net_open(struct mk_net *net);

/* Closes both sockets; the group is left. */
MK_API int32_t mk_net_close(struct mk_net *net);

/* The interface's MTU, which can change at any time. Errors: -ENODEV, when the interface is gone, and others of ioctl(2). */
MK_API int32_t mk_net_mtu(const struct mk_net *net);

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
 * Sends the rows as DATA packets (PROTOCOL §5), to the group or to the address that a row names. cursor[0] is the number of rows done, cursor[1] of symbols done of the next
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

/* The packets that mk_send_data would send, as records, without sending them. Returns bytes written, -ENOSPC, or -EFAULT. */
MK_API int32_t mk_build_data(const struct mk_net *net, const uint32_t *rows, uint32_t row_count, uint8_t *out, uint32_t out_bytes);

/* ---- 11. Receiving ------------------------------------------------------------------------------------------------------------ */

enum mk_socket { MK_SOCKET_GROUP = 0, MK_SOCKET_UNICAST = 1 };

/* Scratch memory of mk_receive, 64-bit aligned, zeroed before the first call. Between calls it may hold packets that did not fit. */
#define MK_RECEIVE_SCRATCH_BYTES 2228224u
/* A record buffer at least this large takes any one packet. */
#define MK_RECORDS_BYTES_MIN 65544u

/*
 * Takes packets from a socket, about a megabyte at most (first what an earlier call left in scratch). DATA goes into the table and the arena, control
 * packets to out as records, the rest into the counters. Of a slot in the table, the memory of symbols that are not there may be written to
 * with anything. Returns the number of records; `out_bytes`, `more` and `touched` say the rest.
 * Errors: -ENOSPC for an out that is too small, -EFAULT for a table that leads out of the arena, others of recvmmsg(2) but EAGAIN.
 */
MK_API int32_t mk_receive(struct mk_net *net, uint32_t socket, void *scratch, uint8_t *out, uint32_t out_bytes);

/*
 * What mk_receive does with one packet: checks it, counts the verdict, and puts DATA into the table. Returns enum mk_verdict, or -EFAULT.
 */
MK_API int32_t mk_packet(struct mk_net *net, const uint8_t *packet, uint32_t bytes);

#endif
