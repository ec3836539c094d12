/* What the files of the shim share among themselves. */
#ifndef MAKUO_INTERNAL_H
#define MAKUO_INTERNAL_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "makuo.h"

#include <sys/stat.h>

/* Offsets of the header's fields, PROTOCOL §2. */
enum { AT_MAGIC = 0, AT_VERSION = 1, AT_TYPE = 2, AT_FLAGS = 3, AT_CHECKSUM = 4, AT_NODE = 8, AT_GROUP = 16, AT_PUSH = 20,
       AT_BLOCK = 24, AT_SYMBOL = 28, AT_SYMBOLS = 29, AT_SEQUENCE = 30 };

#define MAGIC 0x4d
#define VERSION 1
#define TYPE_DATA 19

/* DATA flags, PROTOCOL §5.2. */
#define FLAG_KIND 0x07u
#define FLAG_LAST_OF_KIND 0x08u
#define FLAG_FINAL 0x10u
#define FLAG_REPAIR 0x20u
#define FLAG_POLL 0x40u
#define FLAG_DIRECT 0x80u
#define FLAGS_MAX 0xffu
#define KIND_MAX 5u
#define SYMBOL_SIZE_MAX (MK_DATAGRAM_MAX - MK_HEADER_BYTES)

/* Whether a packet or row is not direct, or has all that direct ones have (PROTOCOL §5.2). */
static inline int has_form_of_direct(uint32_t flags, uint32_t sequence)
{
  return !(flags & FLAG_DIRECT) || ((flags & FLAG_REPAIR) && !(flags & FLAG_POLL) && sequence == 0);
}

static inline uint16_t get16(const uint8_t *at)
{
  return (uint16_t)(at[0] << 8 | at[1]);
}

static inline uint32_t get32(const uint8_t *at)
{
  return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static inline uint64_t get64(const uint8_t *at)
{
  return (uint64_t)get32(at) << 32 | get32(at + 4);
}

static inline void put16(uint8_t *at, uint32_t value)
{
  at[0] = (uint8_t)(value >> 8);
  at[1] = (uint8_t)value;
}

static inline void put32(uint8_t *at, uint32_t value)
{
  put16(at, value >> 16);
  put16(at + 2, value);
}

static inline void put64(uint8_t *at, uint64_t value)
{
  put32(at, (uint32_t)(value >> 32));
  put32(at + 4, (uint32_t)value);
}

/* Bytes of a control record's packet with its padding. */
static inline uint32_t padded(uint32_t bytes)
{
  return (bytes + 3u) & ~3u;
}

/* Whether `slot` lies in the arena as a whole, and `symbols` symbols of `symbol_size` bytes in a slot. */
static inline int fits_arena(const struct mk_net *net, uint32_t slot, uint32_t symbols, uint32_t symbol_size)
{
  if (net->slot_bytes == 0 || symbol_size == 0) return 0;
  /* Products of 32 bits: they cannot overflow, and take a fraction of the time of a division, of which each packet would need several. */
  return (uint64_t)symbols * symbol_size <= net->slot_bytes && ((uint64_t)slot + 1) * net->slot_bytes <= net->arena_bytes;
}

/* The address of a symbol for which fits_arena holds. */
static inline uint8_t *symbol_address(const struct mk_net *net, uint32_t slot, uint32_t symbol, uint32_t symbol_size)
{
  uint8_t *const arena = (uint8_t *)(uintptr_t)net->arena;
  return arena + (uint64_t)slot * net->slot_bytes + (uint64_t)symbol * symbol_size;
}

/* Continues a CRC32C over more bytes. The first call takes CRC32C_START, and the complement of the last result is the checksum. */
#define CRC32C_START 0xffffffffu
uint32_t crc32c_continue(uint32_t crc, const uint8_t *data, uint32_t bytes);

/* The same, for a few dozen bytes: by the processor's own instruction where it has one, in a fraction of the time. */
uint32_t crc32c_few(uint32_t crc, const uint8_t *data, uint32_t bytes);

/* As crc32c_continue, and copies the bytes, in one pass over them. The two do not overlap. */
uint32_t crc32c_copy(uint32_t crc, uint8_t *to, const uint8_t *from, uint32_t bytes);

/* The checksum of a packet in two parts: its header, whose own checksum field counts as zero, and its body (PROTOCOL §2). */
uint32_t packet_checksum(const uint8_t *header, const uint8_t *body, uint32_t body_bytes);

/* The context that receives this packet's push, or NULL. The packet has a header. */
uint32_t *find_context(const struct mk_net *net, const uint8_t *packet);

/* Where a symbol that is not there yet goes, room for a whole one; NULL if it is not wanted. `head` is a context in use. */
uint8_t *symbol_place(const struct mk_net *net, const uint32_t *head, uint32_t block, uint32_t symbol);

/*
 * As mk_packet, with the body somewhere else: either where its symbol goes, or apart from that. It is copied there while its checksum is taken, so that
 * the memory of a symbol that is not there yet holds what a packet with a false checksum has left.
 */
int32_t take_packet(struct mk_net *net, const uint8_t *packet, const uint8_t *body, uint32_t bytes);

/*
 * As mk_fs_open of a single name, neither `.` nor `..`, which leads nowhere else by itself: without a walk, openat(2) does what openat2(2) does, for
 * less. A file that is made has the permissions `mode`, as far as the process's mask lets them.
 */
int32_t fs_open_name(int32_t directory, const char *name, uint32_t way, uint32_t mode);

/* As mk_fs_stat of a single name in a directory, links not followed; `out` has the error as well. */
int32_t fs_stat_name(int32_t directory, const char *name, struct mk_fs_stat *out);

/* The same by fstatat(2), which tells less than statx(2) does and takes a little less time. Returns 0 or -errno. */
int32_t fs_look(int32_t directory, const char *name, struct stat *out);

/* Whether the file lies on a file system of which mk_fs_at_rest can tell something. */
int fs_has_kernel_times(int32_t fd);

/* One pass that copies and takes a checksum, for one kind of processor. */
typedef uint32_t copy_way(uint32_t crc, uint8_t *to, const uint8_t *from, uint32_t bytes);
copy_way copy_plain, copy_avx512;
/* Whether this processor has what copy_avx512 needs. */
int copy_avx512_fits(void);

/* The inner loops of a digest, made for one kind of processor. `state` is aligned to 64 bytes. */
struct hash_ways {
  void (*digest)(const uint8_t *data, uint32_t bytes, uint64_t seed, uint8_t *out);
  void (*update)(void *state, const uint8_t *data, uint32_t bytes);
};
extern const struct hash_ways hash_plain, hash_avx2;

#endif
