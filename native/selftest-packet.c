/* One packet at a time: every reason to drop one, and much that makes no sense. */
#include "selftest.h"

#include <errno.h>

#define SYMBOL_SIZE 300u
#define BLOCK_SYMBOLS 224u
#define SLOTS 4u
#define SLOT_BYTES (SYMBOL_SIZE * BLOCK_SYMBOLS)

struct packet_spec {
  uint32_t block, symbol, symbols, body_bytes, flags, sequence;
};

/* A sealed DATA packet of push 7 of TEST_OWNER, in memory of its exact size. */
static uint8_t *make_packet(struct packet_spec spec)
{
  uint8_t *const packet = memory(MK_HEADER_BYTES + spec.body_bytes);
  packet[AT_MAGIC] = MAGIC;
  packet[AT_VERSION] = VERSION;
  packet[AT_TYPE] = TYPE_DATA;
  packet[AT_FLAGS] = (uint8_t)spec.flags;
  put64(packet + AT_NODE, TEST_OWNER);
  put32(packet + AT_GROUP, TEST_TAG);
  put32(packet + AT_PUSH, 7);
  put32(packet + AT_BLOCK, spec.block);
  packet[AT_SYMBOL] = (uint8_t)spec.symbol;
  packet[AT_SYMBOLS] = (uint8_t)spec.symbols;
  put16(packet + AT_SEQUENCE, spec.sequence);
  memset(packet + MK_HEADER_BYTES, (int)(spec.symbol + 1), spec.body_bytes);
  put32(packet + AT_CHECKSUM, packet_checksum(packet, packet + MK_HEADER_BYTES, spec.body_bytes));
  return packet;
}

static int32_t feed(struct mk_net *net, struct packet_spec spec)
{
  uint8_t *const packet = make_packet(spec);
  const int32_t verdict = mk_packet(net, packet, MK_HEADER_BYTES + spec.body_bytes);
  free(packet);
  return verdict;
}

/* Feeds a good packet with one byte changed, sealed again or not. */
static int32_t feed_changed(struct mk_net *net, uint32_t at, uint8_t value, int sealed)
{
  const struct packet_spec spec = { .block = 0, .symbol = 0, .symbols = 2, .body_bytes = SYMBOL_SIZE, .flags = 2 };
  uint8_t *const packet = make_packet(spec);
  packet[at] = value;
  if (sealed) put32(packet + AT_CHECKSUM, packet_checksum(packet, packet + MK_HEADER_BYTES, SYMBOL_SIZE));
  const int32_t verdict = mk_packet(net, packet, MK_HEADER_BYTES + SYMBOL_SIZE);
  free(packet);
  return verdict;
}

static void test_drops(void)
{
  struct mk_net *const net = make_net(SLOTS, SLOT_BYTES, TEST_NODE);
  uint8_t *const nothing = memory(MK_HEADER_BYTES);
  open_context(net, 7, SYMBOL_SIZE, BLOCK_SYMBOLS, SLOTS);
  for (uint32_t bytes = 0; bytes < MK_HEADER_BYTES; bytes++) CHECK(mk_packet(net, nothing, bytes) == MK_DROP_SHORT);
  free(nothing);
  CHECK(net->counters[MK_DROP_SHORT] == MK_HEADER_BYTES);
  CHECK(feed_changed(net, AT_MAGIC, 0, 1) == MK_DROP_MAGIC);
  CHECK(feed_changed(net, AT_VERSION, 2, 1) == MK_DROP_VERSION);
  CHECK(feed_changed(net, AT_GROUP, 0, 1) == MK_DROP_GROUP);
  CHECK(feed_changed(net, MK_HEADER_BYTES + 9, 0xff, 0) == MK_DROP_CHECKSUM);
  CHECK(feed_changed(net, AT_TYPE, 1, 1) == MK_CONTROL);
  CHECK(feed_changed(net, AT_FLAGS, FLAG_DIRECT, 1) == MK_DROP_RESERVED);
  CHECK(feed_changed(net, AT_FLAGS, FLAG_DIRECT | FLAG_REPAIR | FLAG_POLL, 1) == MK_DROP_RESERVED);
  CHECK(feed_changed(net, AT_FLAGS, 6, 1) == MK_DROP_RANGE);
  CHECK(feed_changed(net, AT_SYMBOLS, 0, 1) == MK_DROP_RANGE);
  CHECK(feed_changed(net, AT_SYMBOLS, 225, 1) == MK_DROP_RANGE);
  CHECK(feed_changed(net, AT_SYMBOL, 2, 1) == MK_DROP_RANGE);
  CHECK(feed_changed(net, AT_PUSH, 1, 1) == MK_STRAY);
  CHECK(feed(net, (struct packet_spec){ .symbols = 1 }) == MK_DROP_SHORT);
  CHECK(table_of(net)[MK_RX_RECEIVED] == 0);
  net->node = TEST_OWNER;
  CHECK(feed_changed(net, AT_SYMBOL, 0, 1) == MK_OWN && net->counters[MK_OWN] == 0);
  free_net(net);
}

static void test_block(void)
{
  struct mk_net *const net = make_net(SLOTS, SLOT_BYTES, TEST_NODE);
  uint32_t *const head = table_of(net);
  uint32_t *const entry = head + MK_RX_HEAD_WORDS + 3 * MK_RX_ENTRY_WORDS;
  open_context(net, 7, SYMBOL_SIZE, BLOCK_SYMBOLS, SLOTS);
  for (uint32_t s = 0; s < BLOCK_SYMBOLS; s++) {
    const uint32_t bytes = s == BLOCK_SYMBOLS - 1 ? 1 : SYMBOL_SIZE;
    const struct packet_spec spec = { .block = 3, .symbol = s, .symbols = BLOCK_SYMBOLS, .body_bytes = bytes, .flags = 2,
                                      .sequence = 0xff80 + s };
    CHECK(feed(net, spec) == MK_DATA);
    CHECK(feed(net, spec) == MK_DATA);
  }
  CHECK(head[MK_RX_RECEIVED] == 2 * BLOCK_SYMBOLS && head[MK_RX_DUPLICATES] == BLOCK_SYMBOLS);
  CHECK(head[MK_RX_EDGE_BLOCK] == 3 && head[MK_RX_EDGE_SYMBOL] == BLOCK_SYMBOLS);
  CHECK(head[MK_RX_SEQUENCE] == ((0xff80 + BLOCK_SYMBOLS - 1) & 0xffff));
  CHECK(entry[MK_RX_HAVE] == BLOCK_SYMBOLS && entry[MK_RX_LAST_BYTES] == 1 && entry[MK_RX_FLAGS] == 2);
  CHECK(entry[MK_RX_BITMAP + 6] == 0xffffffffu && entry[MK_RX_BITMAP + 7] == 0);
  const uint8_t *const slot = arena_of(net) + 3 * SLOT_BYTES;
  for (uint32_t i = 0; i < SLOT_BYTES - SYMBOL_SIZE + 1; i++) CHECK(slot[i] == i / SYMBOL_SIZE + 1);
  CHECK(slot[SLOT_BYTES - SYMBOL_SIZE + 1] == 0);
  CHECK(feed(net, (struct packet_spec){ .block = 4, .symbols = 1, .body_bytes = 5 }) == MK_DATA && head[MK_RX_OUTSIDE] == 1);
  CHECK(feed(net, (struct packet_spec){ .block = 1, .symbols = 2, .body_bytes = 5 }) == MK_DATA && head[MK_RX_MISMATCHED] == 1);
  /* A table that leads out of the arena. */
  head[MK_RX_HEAD_WORDS + MK_RX_ENTRY_WORDS] = SLOTS;
  CHECK(feed(net, (struct packet_spec){ .block = 1, .symbols = 1, .body_bytes = 5 }) == -EFAULT);
  head[MK_RX_HEAD_WORDS + MK_RX_ENTRY_WORDS] = 1;
  head[MK_RX_BLOCK_SYMBOLS] = BLOCK_SYMBOLS + 1;
  CHECK(feed(net, (struct packet_spec){ .block = 1, .symbols = 1, .body_bytes = 5 }) == -EFAULT);
  free_net(net);
}

/* A packet for this member alone brings its symbol, and is no part of the flow. */
static void test_direct(void)
{
  struct mk_net *const net = make_net(SLOTS, SLOT_BYTES, TEST_NODE);
  uint32_t *const head = table_of(net);
  open_context(net, 7, SYMBOL_SIZE, BLOCK_SYMBOLS, SLOTS);
  struct packet_spec spec = { .block = 2, .symbol = 1, .symbols = 3, .body_bytes = SYMBOL_SIZE, .flags = 2, .sequence = 9 };
  CHECK(feed(net, spec) == MK_DATA);
  spec = (struct packet_spec){ .block = 3, .symbols = 3, .body_bytes = SYMBOL_SIZE, .flags = 2 | FLAG_REPAIR | FLAG_DIRECT };
  head[MK_RX_TOUCHED] = 0;
  CHECK(feed(net, spec) == MK_DATA);
  CHECK(head[MK_RX_TOUCHED] == 1 && head[MK_RX_RECEIVED] == 1 && head[MK_RX_SEQUENCE] == 9);
  CHECK(head[MK_RX_EDGE_BLOCK] == 2 && head[MK_RX_EDGE_SYMBOL] == 2);
  const uint32_t *const entry = head + MK_RX_HEAD_WORDS + 3 * MK_RX_ENTRY_WORDS;
  CHECK(entry[MK_RX_HAVE] == 1 && entry[MK_RX_BITMAP] == 1 && entry[MK_RX_FLAGS] == 2);
  free_net(net);
}

/* Sealed packets with header fields at random, into tables with numbers at random: the sanitizers watch. */
static void test_anything(void)
{
  uint32_t random = 2;
  for (uint32_t round = 0; round < 200; round++) {
    struct mk_net *const net = make_net(1 + next_random(&random) % SLOTS, 1 + next_random(&random) % SLOT_BYTES, TEST_NODE);
    uint32_t *const head = table_of(net);
    open_context(net, 7, next_random(&random) % 400, next_random(&random) % 300, next_random(&random) % 100);
    for (uint32_t i = 0; i < 20; i++) head[next_random(&random) % MK_RX_CONTEXT_WORDS] = next_random(&random);
    head[MK_RX_ACTIVE] = 1;
    for (uint32_t i = 0; i < 500; i++) {
      const struct packet_spec spec = {
        .block = next_random(&random) % 100, .symbol = next_random(&random) % 256, .symbols = next_random(&random) % 256,
        .body_bytes = next_random(&random) % 500, .flags = next_random(&random) % 256, .sequence = next_random(&random) % 2 * next_random(&random) };
      const int32_t verdict = feed(net, spec);
      CHECK(verdict == -EFAULT || (verdict >= 0 && verdict < MK_VERDICTS));
    }
    free_net(net);
  }
}

void selftest_packet(void)
{
  test_drops();
  test_block();
  test_direct();
  test_anything();
}

/* Rows at random: refused, or every byte that they name is in the arena. */
void selftest_build(void)
{
  uint32_t random = 3;
  uint32_t built = 0;
  for (uint32_t round = 0; round < 20000; round++) {
    const uint32_t slots = 1 + next_random(&random) % 3;
    const uint32_t slot_bytes = 1 + next_random(&random) % 2000;
    const uint32_t symbol_size = next_random(&random) % 300;
    const uint32_t out_bytes = next_random(&random) % 4000;
    struct mk_net *const net = make_net(slots, slot_bytes, TEST_OWNER);
    uint32_t *const row = memory(MK_TX_ROW_WORDS * sizeof *row);
    uint8_t *const out = memory(out_bytes + 1);
    make_row(row, 0, next_random(&random) % 8, symbol_size, next_random(&random) % 300);
    row[MK_TX_SLOT] = next_random(&random) % 4;
    row[MK_TX_FIRST] = next_random(&random) % 4;
    row[MK_TX_COUNT] = next_random(&random) % 8;
    if (next_random(&random) % 8 == 0) row[next_random(&random) % MK_TX_ROW_WORDS] = next_random(&random);
    const int32_t result = mk_build_data(net, row, 1, out, out_bytes);
    CHECK(result == -EFAULT || result == -ENOSPC || (result > 0 && (uint32_t)result <= out_bytes));
    built += result > 0;
    free(out);
    free(row);
    free_net(net);
  }
  CHECK(built > 100);
}
