/* The shim's self-test, built with ASan and UBSan: what the sanitizers cannot see is checked by CHECK. Memory is allocated to the byte, so that
 * one byte too far is found. */
#ifndef MAKUO_SELFTEST_H
#define MAKUO_SELFTEST_H

#include "internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHECK(condition) do { \
    if (!(condition)) { \
      fprintf(stderr, "%s:%d: %s: not so: %s\n", __FILE__, __LINE__, __func__, #condition); \
      exit(1); \
    } \
  } while (0)

#define TEST_NODE 0x1122334455667788u
#define TEST_OWNER 0xa1a2a3a4a5a6a7a8u
#define TEST_TAG 0xcafe0108u

/* A fixed sequence: what fails once fails again. */
static inline uint32_t next_random(uint32_t *state)
{
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

/* Zeroed memory of exactly this size. */
static inline void *memory(size_t bytes)
{
  void *const made = calloc(1, bytes);
  CHECK(made != NULL);
  return made;
}

/* A state with table and arena, without sockets. */
static inline struct mk_net *make_net(uint32_t slots, uint32_t slot_bytes, uint64_t node)
{
  struct mk_net *const net = memory(sizeof *net);
  net->node = node;
  net->group_tag = TEST_TAG;
  net->slot_bytes = slot_bytes;
  net->arena_bytes = (uint64_t)slots * slot_bytes;
  net->arena = (uint64_t)(uintptr_t)memory(net->arena_bytes);
  net->table = (uint64_t)(uintptr_t)memory(MK_RX_TABLE_WORDS * sizeof(uint32_t));
  return net;
}

static inline void free_net(struct mk_net *net)
{
  free((void *)(uintptr_t)net->arena);
  free((void *)(uintptr_t)net->table);
  free(net);
}

static inline uint32_t *table_of(const struct mk_net *net)
{
  return (uint32_t *)(uintptr_t)net->table;
}

static inline uint8_t *arena_of(const struct mk_net *net)
{
  return (uint8_t *)(uintptr_t)net->arena;
}

/* Makes context 0 receive push `push` of TEST_OWNER: blocks 0..limit, block b into slot b. */
static inline void open_context(const struct mk_net *net, uint32_t push, uint32_t symbol_size, uint32_t block_symbols, uint32_t limit)
{
  uint32_t *const head = table_of(net);
  memset(head, 0, MK_RX_CONTEXT_WORDS * sizeof *head);
  head[MK_RX_OWNER_HIGH] = (uint32_t)(TEST_OWNER >> 32);
  head[MK_RX_OWNER_LOW] = (uint32_t)TEST_OWNER;
  head[MK_RX_PUSH] = push;
  head[MK_RX_SYMBOL_SIZE] = symbol_size;
  head[MK_RX_BLOCK_SYMBOLS] = block_symbols;
  head[MK_RX_LIMIT] = limit;
  for (uint32_t i = 0; i < MK_RX_RING; i++) head[MK_RX_HEAD_WORDS + i * MK_RX_ENTRY_WORDS] = i < limit ? i : MK_NO_SLOT;
  head[MK_RX_ACTIVE] = 1;
}

/* A row that sends all of a block from the slot of its number, poll flag included. */
static inline void make_row(uint32_t *row, uint32_t block, uint32_t symbols, uint32_t symbol_size, uint32_t last_bytes)
{
  memset(row, 0, MK_TX_ROW_WORDS * sizeof *row);
  row[MK_TX_SLOT] = block;
  row[MK_TX_BLOCK] = block;
  row[MK_TX_COUNT] = symbols;
  row[MK_TX_SYMBOLS] = symbols;
  row[MK_TX_LAST_BYTES] = last_bytes;
  row[MK_TX_FLAGS] = 2 | FLAG_POLL;
  row[MK_TX_PUSH] = 7;
  row[MK_TX_SYMBOL_SIZE] = symbol_size;
  row[MK_TX_SEQUENCE] = 0xfff0;
}

/* Puts what all entries have at `to` (src/wire/PROTOCOL.md, 10.1): a file of 3 bytes that is this user's, and its time. */
static inline void put_entry(uint8_t *to, uint8_t seconds)
{
  const uint32_t ids[] = {getuid(), getgid()};
  memset(to, 0, 36);
  to[0] = 1;
  to[2] = 04700 >> 8;
  to[3] = 04700 & 0xff;
  for (uint32_t i = 0; i < 8; i++) to[4 + i] = (uint8_t)(ids[i / 4] >> (24 - 8 * (i % 4)));
  memset(to + 12, 0xff, 7);
  to[19] = seconds;
  to[23] = 5;
  to[31] = 3;
}

static inline int32_t open_here(int32_t directory, const char *path, uint32_t way)
{
  const int32_t fd = mk_fs_open(directory, path, way);
  CHECK(fd >= 0);
  return fd;
}

static inline void close_all(const int32_t *fds, uint32_t count)
{
  for (uint32_t i = 0; i < count; i++) CHECK(mk_close(fds[i]) == 0);
}

void selftest_hash(void);
void selftest_copy(void);
void selftest_packet(void);
void selftest_build(void);
void selftest_net(void);
void selftest_process(void);
void selftest_fs(void);
void selftest_entries(void);
/* Leaves `b` in the directory: 3 bytes, mode 04700, changed 1 s before 1970, and 5 ns. */
void selftest_files(int32_t base);
void selftest_scan(void);
void selftest_daemon(void);

/* The argument with which the program is what selftest_daemon starts. */
#define SELFTEST_SPAWNED "spawned"
int selftest_spawned(void);

#endif
