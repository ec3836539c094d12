/* One packet, from the socket into the table. src/wire/twin.ts does the same in TypeScript: whoever changes one changes the other. */
#include "internal.h"

#include <errno.h>
#include <string.h>

/* The unfinished checksum of a header. */
static uint32_t header_checksum(const uint8_t *header)
{
  /* The field is the second half of the first word: cleared as a word, so that it can be loaded as one at once. */
  static const uint8_t others[sizeof(uint64_t)] = { 0xff, 0xff, 0xff, 0xff };
  uint64_t words[MK_HEADER_BYTES / sizeof(uint64_t)], kept;
  memcpy(words, header, sizeof words);
  memcpy(&kept, others, sizeof kept);
  words[0] &= kept;
  return crc32c_few(CRC32C_START, (const uint8_t *)words, sizeof words);
}

uint32_t packet_checksum(const uint8_t *header, const uint8_t *body, uint32_t body_bytes)
{
  return ~crc32c_continue(header_checksum(header), body, body_bytes);
}

/* The checks of PROTOCOL §2.1 that come after the node's, for DATA (§5.2). */
static int32_t check_data(const uint8_t *packet, uint32_t bytes)
{
  const uint32_t flags = packet[AT_FLAGS];
  const uint32_t symbols = packet[AT_SYMBOLS];
  if (!has_form_of_direct(flags, get16(packet + AT_SEQUENCE))) return MK_DROP_RESERVED;
  if (bytes == MK_HEADER_BYTES) return MK_DROP_SHORT;
  if (bytes > MK_HEADER_BYTES + SYMBOL_SIZE_MAX) return MK_DROP_LONG;
  if ((flags & FLAG_KIND) > KIND_MAX) return MK_DROP_RANGE;
  if (symbols == 0 || symbols > MK_SYMBOLS_MAX || packet[AT_SYMBOL] >= symbols) return MK_DROP_RANGE;
  return MK_DATA;
}

/* The checks that need no more than a header. MK_CONTROL: the others may follow, whatever the type. */
static int32_t check_header(const struct mk_net *net, const uint8_t *packet, uint32_t bytes)
{
  if (bytes < MK_HEADER_BYTES) return MK_DROP_SHORT;
  if (packet[AT_MAGIC] != MAGIC) return MK_DROP_MAGIC;
  if (packet[AT_VERSION] != VERSION) return MK_DROP_VERSION;
  if (get32(packet + AT_GROUP) != net->group_tag) return MK_DROP_GROUP;
  /* Before the checksum, which is the dear one: a node may hear all it sends to the group. */
  return get64(packet + AT_NODE) == net->node ? MK_OWN : MK_CONTROL;
}

/* The others. While the checksum is taken the body is copied to `place`, if that is not NULL. */
static int32_t check_body(const uint8_t *packet, const uint8_t *body, uint32_t bytes, uint8_t *place)
{
  const uint32_t body_bytes = bytes - MK_HEADER_BYTES;
  const uint32_t start = header_checksum(packet);
  const uint32_t end = place == NULL ? crc32c_continue(start, body, body_bytes) : crc32c_copy(start, place, body, body_bytes);
  if (get32(packet + AT_CHECKSUM) != ~end) return MK_DROP_CHECKSUM;
  if (get64(packet + AT_NODE) == 0) return MK_DROP_NODE;
  return packet[AT_TYPE] == TYPE_DATA ? check_data(packet, bytes) : MK_CONTROL;
}

uint32_t *find_context(const struct mk_net *net, const uint8_t *packet)
{
  uint32_t *context = (uint32_t *)(uintptr_t)net->table;
  for (uint32_t i = 0; i < MK_RX_CONTEXTS; i++, context += MK_RX_CONTEXT_WORDS) {
    if (context[MK_RX_ACTIVE] == 1 && context[MK_RX_PUSH] == get32(packet + AT_PUSH) &&
        context[MK_RX_OWNER_LOW] == get32(packet + AT_NODE + 4) && context[MK_RX_OWNER_HIGH] == get32(packet + AT_NODE)) {
      return context;
    }
  }
  return NULL;
}

/* What every packet to the group tells, wanted or not: sequence, poll and edge. */
static void note_progress(uint32_t *head, const uint8_t *packet)
{
  head[MK_RX_TOUCHED] = 1;
  /* The others do not see it: it is no part of the flow. */
  if (packet[AT_FLAGS] & FLAG_DIRECT) return;
  const uint32_t sequence = get16(packet + AT_SEQUENCE);
  const uint32_t ahead = (sequence - head[MK_RX_SEQUENCE]) & 0xffff;
  /* Serial numbers: what is in the half before the newest known one is older. */
  if (head[MK_RX_RECEIVED] == 0 || ahead < 0x8000) head[MK_RX_SEQUENCE] = sequence;
  head[MK_RX_RECEIVED]++;
  if (packet[AT_FLAGS] & FLAG_POLL) head[MK_RX_POLLED] = 1;
  if (packet[AT_FLAGS] & FLAG_REPAIR) return;
  const uint32_t block = get32(packet + AT_BLOCK);
  const uint32_t symbol_after = packet[AT_SYMBOL] + 1u;
  if (block > head[MK_RX_EDGE_BLOCK] || (block == head[MK_RX_EDGE_BLOCK] && symbol_after > head[MK_RX_EDGE_SYMBOL])) {
    head[MK_RX_EDGE_BLOCK] = block;
    head[MK_RX_EDGE_SYMBOL] = symbol_after;
  }
}

/* Enters a symbol whose body lies in its place already, if it has one. */
static int32_t take_data(const struct mk_net *net, uint32_t *head, const uint8_t *packet, uint32_t bytes)
{
  const uint32_t block = get32(packet + AT_BLOCK);
  note_progress(head, packet);
  if (block < head[MK_RX_BASE] || block >= head[MK_RX_LIMIT]) {
    head[MK_RX_OUTSIDE]++;
    return MK_DATA;
  }
  uint32_t *const entry = head + MK_RX_HEAD_WORDS + (block % MK_RX_RING) * MK_RX_ENTRY_WORDS;
  const uint32_t slot = entry[MK_RX_SLOT];
  if (slot == MK_NO_SLOT) {
    head[MK_RX_DUPLICATES]++;
    return MK_DATA;
  }
  const uint32_t symbol_size = head[MK_RX_SYMBOL_SIZE];
  const uint32_t block_symbols = head[MK_RX_BLOCK_SYMBOLS];
  if (!fits_arena(net, slot, block_symbols, symbol_size)) return -EFAULT;
  const uint32_t symbol = packet[AT_SYMBOL];
  const uint32_t symbols = packet[AT_SYMBOLS];
  const uint32_t flags = packet[AT_FLAGS] & (FLAG_KIND | FLAG_LAST_OF_KIND | FLAG_FINAL);
  const uint32_t body_bytes = bytes - MK_HEADER_BYTES;
  const int is_last = symbol == symbols - 1;
  const int length_fits = is_last ? body_bytes <= symbol_size : body_bytes == symbol_size;
  const int agrees = entry[MK_RX_SYMBOLS] == 0 || (entry[MK_RX_SYMBOLS] == symbols && entry[MK_RX_FLAGS] == flags);
  if (symbols > block_symbols || !length_fits || !agrees) {
    head[MK_RX_MISMATCHED]++;
    return MK_DATA;
  }
  /* symbol < 224, so this is one of the bitmap's first seven words. */
  uint32_t *const bits = &entry[MK_RX_BITMAP + symbol / 32];
  const uint32_t bit = 1u << symbol % 32;
  if (*bits & bit) {
    head[MK_RX_DUPLICATES]++;
    return MK_DATA;
  }
  entry[MK_RX_SYMBOLS] = symbols;
  entry[MK_RX_FLAGS] = flags;
  *bits |= bit;
  entry[MK_RX_HAVE]++;
  if (is_last) entry[MK_RX_LAST_BYTES] = body_bytes;
  return MK_DATA;
}

uint8_t *symbol_place(const struct mk_net *net, const uint32_t *head, uint32_t block, uint32_t symbol)
{
  if (block < head[MK_RX_BASE] || block >= head[MK_RX_LIMIT]) return NULL;
  const uint32_t *const entry = head + MK_RX_HEAD_WORDS + (block % MK_RX_RING) * MK_RX_ENTRY_WORDS;
  const uint32_t slot = entry[MK_RX_SLOT];
  const uint32_t symbols = entry[MK_RX_SYMBOLS] == 0 ? head[MK_RX_BLOCK_SYMBOLS] : entry[MK_RX_SYMBOLS];
  const uint32_t symbol_size = head[MK_RX_SYMBOL_SIZE];
  if (slot == MK_NO_SLOT || !fits_arena(net, slot, head[MK_RX_BLOCK_SYMBOLS], symbol_size)) return NULL;
  if (symbol >= symbols || symbol >= head[MK_RX_BLOCK_SYMBOLS] || symbol >= MK_SYMBOLS_MAX) return NULL;
  if (entry[MK_RX_BITMAP + symbol / 32] & 1u << symbol % 32) return NULL;
  return symbol_address(net, slot, symbol, symbol_size);
}

/* Where a body goes if its packet turns out to be right; NULL: nowhere. */
static uint8_t *body_place(const struct mk_net *net, const uint32_t *head, const uint8_t *packet, uint32_t bytes)
{
  if (bytes - MK_HEADER_BYTES > head[MK_RX_SYMBOL_SIZE]) return NULL;
  return symbol_place(net, head, get32(packet + AT_BLOCK), packet[AT_SYMBOL]);
}

int32_t take_packet(struct mk_net *net, const uint8_t *packet, const uint8_t *body, uint32_t bytes)
{
  int32_t verdict = check_header(net, packet, bytes);
  if (verdict == MK_CONTROL) {
    uint32_t *const context = packet[AT_TYPE] == TYPE_DATA ? find_context(net, packet) : NULL;
    uint8_t *const place = context == NULL ? NULL : body_place(net, context, packet, bytes);
    verdict = check_body(packet, body, bytes, place == body ? NULL : place);
    if (verdict == MK_DATA) verdict = context == NULL ? MK_STRAY : take_data(net, context, packet, bytes);
  }
  if (verdict >= 0 && verdict != MK_OWN) net->counters[verdict]++;
  return verdict;
}

int32_t mk_packet(struct mk_net *net, const uint8_t *packet, uint32_t bytes)
{
  return take_packet(net, packet, packet + MK_HEADER_BYTES, bytes);
}
