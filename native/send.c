/* Send rows and control records into datagrams. With GSO one datagram is a burst of packets that the kernel or the card cuts apart. */
#include "internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif

/* Packets of one system call. */
#define BATCH 512u
/* Most packets of a burst; what the first kernels with GSO take. */
#define BURST 64u

struct send_scratch {
  struct mmsghdr messages[BATCH];
  struct iovec pieces[2 * BATCH]; /* header and body of each packet */
  struct sockaddr_in to[BATCH];
  uint8_t headers[BATCH][MK_HEADER_BYTES];
  uint32_t packets_in[BATCH]; /* of each message */
  uint32_t bytes_in[BATCH];
  _Alignas(struct cmsghdr) uint8_t control[BATCH / 2][CMSG_SPACE(sizeof(uint16_t))]; /* a burst has two packets or more */
};

_Static_assert(sizeof(struct send_scratch) <= MK_SEND_SCRATCH_BYTES, "send scratch outgrew its memory");

/* Where a run over the rows stands: a row, and a symbol counted from the row's first. */
struct place {
  uint32_t row;
  uint32_t symbol;
};

/* How a packet of a row is made up. */
struct part {
  const uint8_t *body;
  uint32_t body_bytes;
};

static int row_is_sound(const struct mk_net *net, const uint32_t *row)
{
  const uint32_t symbols = row[MK_TX_SYMBOLS];
  const uint32_t symbol_size = row[MK_TX_SYMBOL_SIZE];
  if (symbols == 0 || symbols > MK_SYMBOLS_MAX) return 0;
  if (row[MK_TX_FIRST] >= symbols) return 0;
  if (row[MK_TX_COUNT] == 0 || row[MK_TX_COUNT] > symbols - row[MK_TX_FIRST]) return 0;
  if (row[MK_TX_LAST_BYTES] == 0 || row[MK_TX_LAST_BYTES] > symbol_size) return 0;
  if (symbol_size > SYMBOL_SIZE_MAX) return 0;
  if (row[MK_TX_FLAGS] > FLAGS_MAX || !has_form_of_direct(row[MK_TX_FLAGS], row[MK_TX_SEQUENCE])) return 0;
  const int to_one = row[MK_TX_IP] != 0 && row[MK_TX_PORT] != 0 && row[MK_TX_PORT] <= UINT16_MAX;
  const int to_group = row[MK_TX_IP] == 0 && row[MK_TX_PORT] == 0;
  if (row[MK_TX_FLAGS] & FLAG_DIRECT ? !to_one : !to_group) return 0;
  return fits_arena(net, row[MK_TX_SLOT], symbols, symbol_size);
}

static int rows_are_sound(const struct mk_net *net, const uint32_t *rows, uint32_t row_count)
{
  if (row_count > MK_TX_ROWS_MAX) return 0;
  for (uint32_t i = 0; i < row_count; i++) {
    if (!row_is_sound(net, rows + i * MK_TX_ROW_WORDS)) return 0;
  }
  return 1;
}

/* Writes the header of packet `index` of a sound row, and says where its body is. */
static struct part build_packet(const struct mk_net *net, const uint32_t *row, uint32_t index, uint8_t *header)
{
  const uint32_t symbol = row[MK_TX_FIRST] + index;
  const uint32_t symbol_size = row[MK_TX_SYMBOL_SIZE];
  const int ends_row = index == row[MK_TX_COUNT] - 1;
  const struct part part = {
    .body = symbol_address(net, row[MK_TX_SLOT], symbol, symbol_size),
    .body_bytes = symbol == row[MK_TX_SYMBOLS] - 1 ? row[MK_TX_LAST_BYTES] : symbol_size,
  };
  header[AT_MAGIC] = MAGIC;
  header[AT_VERSION] = VERSION;
  header[AT_TYPE] = TYPE_DATA;
  header[AT_FLAGS] = (uint8_t)(ends_row ? row[MK_TX_FLAGS] : row[MK_TX_FLAGS] & ~FLAG_POLL);
  put64(header + AT_NODE, net->node);
  put32(header + AT_GROUP, net->group_tag);
  put32(header + AT_PUSH, row[MK_TX_PUSH]);
  put32(header + AT_BLOCK, row[MK_TX_BLOCK]);
  header[AT_SYMBOL] = (uint8_t)symbol;
  header[AT_SYMBOLS] = (uint8_t)row[MK_TX_SYMBOLS];
  put16(header + AT_SEQUENCE, row[MK_TX_FLAGS] & FLAG_DIRECT ? 0 : row[MK_TX_SEQUENCE] + index);
  put32(header + AT_CHECKSUM, packet_checksum(header, part.body, part.body_bytes));
  return part;
}

int32_t mk_build_data(const struct mk_net *net, const uint32_t *rows, uint32_t row_count, uint8_t *out, uint32_t out_bytes)
{
  uint32_t used = 0;
  if (!rows_are_sound(net, rows, row_count)) return -EFAULT;
  for (uint32_t i = 0; i < row_count; i++) {
    const uint32_t *const row = rows + i * MK_TX_ROW_WORDS;
    for (uint32_t index = 0; index < row[MK_TX_COUNT]; index++) {
      uint8_t header[MK_HEADER_BYTES];
      const struct part part = build_packet(net, row, index, header);
      const struct mk_record record = {
        .ip = row[MK_TX_IP], .port = (uint16_t)row[MK_TX_PORT], .bytes = (uint16_t)(MK_HEADER_BYTES + part.body_bytes) };
      const uint32_t padding = padded(record.bytes) - record.bytes;
      if (out_bytes - used < sizeof record + padded(record.bytes)) return -ENOSPC;
      memcpy(out + used, &record, sizeof record);
      used += (uint32_t)sizeof record;
      memcpy(out + used, header, sizeof header);
      memcpy(out + used + sizeof header, part.body, part.body_bytes);
      memset(out + used + record.bytes, 0, padding);
      used += record.bytes + padding;
    }
  }
  return (int32_t)used;
}

/* Starts message `at` of a batch, to an address that is already in `to`. */
static void start_message(struct send_scratch *scratch, uint32_t at, struct iovec *pieces)
{
  scratch->messages[at] = (struct mmsghdr){ .msg_hdr = {
    .msg_name = &scratch->to[at], .msg_namelen = sizeof scratch->to[at], .msg_iov = pieces, .msg_iovlen = 0 } };
  scratch->packets_in[at] = 0;
  scratch->bytes_in[at] = 0;
}

/* Asks for message `at` to be cut into packets of `segment` bytes. */
static void mark_burst(struct send_scratch *scratch, uint32_t at, uint32_t burst, uint32_t segment)
{
  struct msghdr *const head = &scratch->messages[at].msg_hdr;
  const uint16_t bytes = (uint16_t)segment;
  head->msg_control = scratch->control[burst];
  head->msg_controllen = sizeof scratch->control[burst];
  memset(scratch->control[burst], 0, sizeof scratch->control[burst]);
  struct cmsghdr *const c = CMSG_FIRSTHDR(head);
  c->cmsg_level = SOL_UDP;
  c->cmsg_type = UDP_SEGMENT;
  c->cmsg_len = CMSG_LEN(sizeof bytes);
  memcpy(CMSG_DATA(c), &bytes, sizeof bytes);
}

/* Where the packets of a sound row go. */
static struct sockaddr_in destination(const struct mk_net *net, const uint32_t *row)
{
  const int direct = (row[MK_TX_FLAGS] & FLAG_DIRECT) != 0;
  const uint32_t ip = direct ? row[MK_TX_IP] : net->group_ip;
  const uint32_t port = direct ? row[MK_TX_PORT] : net->group_port;
  return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(ip) };
}

static int same_destination(const struct sockaddr_in *a, const struct sockaddr_in *b)
{
  return a->sin_addr.s_addr == b->sin_addr.s_addr && a->sin_port == b->sin_port;
}

/*
 * Fills a batch from `place` on. Returns the number of messages. A short packet ends its burst: only a burst's last may be short. Rows to one
 * destination that follow each other share bursts, so that symbols from here and there go in one.
 */
static uint32_t fill_batch(const struct mk_net *net, const uint32_t *rows, uint32_t row_count, struct place place,
                           struct send_scratch *scratch)
{
  const uint32_t burst_max = net->offload & MK_OFFLOAD_GSO ? BURST : 1;
  uint32_t messages = 0, bursts = 0, segment = 0;
  int closed = 1;
  for (uint32_t packets = 0; packets < BATCH && place.row < row_count; packets++) {
    const uint32_t *const row = rows + place.row * MK_TX_ROW_WORDS;
    uint8_t *const header = scratch->headers[packets];
    struct iovec *const pieces = &scratch->pieces[2 * packets];
    const struct part part = build_packet(net, row, place.symbol, header);
    const uint32_t bytes = MK_HEADER_BYTES + part.body_bytes;
    pieces[0] = (struct iovec){ .iov_base = header, .iov_len = MK_HEADER_BYTES };
    pieces[1] = (struct iovec){ .iov_base = (void *)(uintptr_t)part.body, .iov_len = part.body_bytes };
    const struct sockaddr_in to = destination(net, row);
    const int fits = !closed && bytes <= segment && scratch->packets_in[messages - 1] < burst_max &&
                     scratch->bytes_in[messages - 1] + bytes <= MK_DATAGRAM_MAX;
    if (!fits || !same_destination(&to, &scratch->to[messages - 1])) {
      scratch->to[messages] = to;
      start_message(scratch, messages++, pieces);
      segment = bytes;
    }
    const uint32_t at = messages - 1;
    scratch->messages[at].msg_hdr.msg_iovlen += 2;
    scratch->bytes_in[at] += bytes;
    if (++scratch->packets_in[at] == 2) mark_burst(scratch, at, bursts++, segment);
    closed = bytes < segment;
    if (++place.symbol == row[MK_TX_COUNT]) place = (struct place){ .row = place.row + 1, .symbol = 0 };
  }
  return messages;
}

/* Whether an error of a burst may mean that this kernel, route or interface cannot segment. */
static int is_refusal(int error)
{
  return error == EIO || error == EINVAL || error == EOPNOTSUPP;
}

/*
 * Sends the messages in order. Returns how many went out; fewer than all: *error says why. It is 0 if a burst was refused: then GSO is
 * off, and the rest is to be built anew without it.
 */
static uint32_t send_batch(struct mk_net *net, struct send_scratch *scratch, uint32_t messages, int *error)
{
  uint32_t sent = 0;
  *error = 0;
  while (sent < messages) {
    const int got = sendmmsg(net->unicast_fd, scratch->messages + sent, messages - sent, MSG_DONTWAIT);
    if (got < 0) {
      if (errno == EINTR) continue;
      if (is_refusal(errno) && scratch->messages[sent].msg_hdr.msg_controllen > 0) {
        net->offload &= ~(uint32_t)MK_OFFLOAD_GSO;
        return sent;
      }
      *error = errno;
      return sent;
    }
    for (const uint32_t end = sent + (uint32_t)got; sent < end; sent++) {
      net->counters[MK_COUNT_SENT_PACKETS] += scratch->packets_in[sent];
      net->counters[MK_COUNT_SENT_BYTES] += scratch->bytes_in[sent];
      net->counters[MK_COUNT_SENT_BURSTS]++;
    }
  }
  return sent;
}

static void advance(const uint32_t *rows, uint32_t *cursor, uint32_t packets)
{
  while (packets > 0) {
    const uint32_t left = rows[cursor[0] * MK_TX_ROW_WORDS + MK_TX_COUNT] - cursor[1];
    const uint32_t step = packets < left ? packets : left;
    packets -= step;
    cursor[1] += step;
    if (step == left) {
      cursor[0]++;
      cursor[1] = 0;
    }
  }
}

static int32_t send_rows(struct mk_net *net, const uint32_t *rows, uint32_t row_count, uint32_t *cursor, struct send_scratch *scratch)
{
  int32_t packets_sent = 0;
  int error = 0;
  int refused = 0;
  if (!rows_are_sound(net, rows, row_count)) return -EFAULT;
  if (cursor[0] > row_count || (cursor[0] == row_count && cursor[1] != 0)) return -EFAULT;
  if (cursor[0] < row_count && cursor[1] >= rows[cursor[0] * MK_TX_ROW_WORDS + MK_TX_COUNT]) return -EFAULT;
  while (cursor[0] < row_count && error == 0) {
    const struct place place = { .row = cursor[0], .symbol = cursor[1] };
    const uint32_t offload = net->offload;
    const uint32_t messages = fill_batch(net, rows, row_count, place, scratch);
    const uint32_t sent = send_batch(net, scratch, messages, &error);
    uint32_t packets = 0;
    for (uint32_t i = 0; i < sent; i++) packets += scratch->packets_in[i];
    advance(rows, cursor, packets);
    packets_sent += (int32_t)packets;
    /* Was it not the burst that was refused, but whatever goes this way? Then GSO stays. */
    if (refused && sent == 0 && error != 0 && error != EAGAIN) net->offload |= MK_OFFLOAD_GSO;
    refused = offload != net->offload;
  }
  return packets_sent > 0 || error == 0 ? packets_sent : -error;
}

/* Should it fail, that costs no more than time, or a packet to a member on this host. */
static void set_loop(const struct mk_net *net, int loops)
{
  (void)setsockopt(net->unicast_fd, IPPROTO_IP, IP_MULTICAST_LOOP, &loops, sizeof loops);
}

int32_t mk_send_data(struct mk_net *net, const uint32_t *rows, uint32_t row_count, uint32_t *cursor, void *memory)
{
  const int spared = (net->options & MK_OPTION_NO_LOOP) != 0;
  if (spared) set_loop(net, 0);
  const int32_t result = send_rows(net, rows, row_count, cursor, memory);
  if (spared) set_loop(net, 1);
  return result;
}

/* Bytes of the sound record at `at`, head and padding included; 0 if it is not sound. */
static uint32_t record_bytes(const uint8_t *records, uint32_t at, uint32_t bytes)
{
  struct mk_record record;
  if (bytes - at < sizeof record) return 0;
  memcpy(&record, records + at, sizeof record);
  if (record.bytes < MK_HEADER_BYTES || record.bytes > MK_DATAGRAM_MAX) return 0;
  if (record.ip != 0 && record.port == 0) return 0;
  const uint32_t whole = (uint32_t)sizeof record + padded(record.bytes);
  return bytes - at < whole ? 0 : whole;
}

/* Seals records from `at` on and makes them messages. Returns how many. */
static uint32_t fill_control(const struct mk_net *net, uint8_t *records, uint32_t bytes, uint32_t at, struct send_scratch *scratch)
{
  uint32_t messages = 0;
  for (; messages < BATCH && at < bytes; messages++) {
    struct mk_record record;
    memcpy(&record, records + at, sizeof record);
    uint8_t *const packet = records + at + sizeof record;
    put32(packet + AT_CHECKSUM, packet_checksum(packet, packet + MK_HEADER_BYTES, record.bytes - MK_HEADER_BYTES));
    const uint32_t ip = record.ip == 0 ? net->group_ip : record.ip;
    const uint32_t port = record.ip == 0 ? net->group_port : record.port;
    scratch->to[messages] = (struct sockaddr_in){
      .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(ip) };
    scratch->pieces[messages] = (struct iovec){ .iov_base = packet, .iov_len = record.bytes };
    start_message(scratch, messages, &scratch->pieces[messages]);
    scratch->messages[messages].msg_hdr.msg_iovlen = 1;
    scratch->packets_in[messages] = 1;
    scratch->bytes_in[messages] = record.bytes;
    at += (uint32_t)sizeof record + padded(record.bytes);
  }
  return messages;
}

int32_t mk_send_control(struct mk_net *net, uint8_t *records, uint32_t bytes, uint32_t *cursor, void *memory)
{
  struct send_scratch *const scratch = memory;
  int32_t packets_sent = 0;
  int error = 0;
  if (cursor[0] > bytes) return -EFAULT;
  for (uint32_t at = cursor[0]; at < bytes;) {
    const uint32_t step = record_bytes(records, at, bytes);
    if (step == 0) return -EFAULT;
    at += step;
  }
  while (cursor[0] < bytes && error == 0) {
    const uint32_t messages = fill_control(net, records, bytes, cursor[0], scratch);
    const uint32_t sent = send_batch(net, scratch, messages, &error);
    for (uint32_t i = 0; i < sent; i++) cursor[0] += record_bytes(records, cursor[0], bytes);
    packets_sent += (int32_t)sent;
  }
  return packets_sent > 0 || error == 0 ? packets_sent : -error;
}
