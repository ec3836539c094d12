/* Real sockets on the loopback interface: two members of a group send to each other, with offload and without. */
#include "selftest.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#define SYMBOL_SIZE 1440u
#define SYMBOLS 224u
#define SLOTS 3u
#define SLOT_BYTES (SYMBOL_SIZE * SYMBOLS)
#define WAIT_US 2000000

struct member {
  struct mk_net *net;
  void *send_scratch;
  void *receive_scratch;
  uint8_t *out;
  uint32_t out_bytes;
  uint32_t control_bytes; /* of control packets seen */
  uint32_t controls;
};

static struct member join(uint64_t node, uint32_t options, uint32_t out_bytes)
{
  struct member m = { .net = make_net(SLOTS, SLOT_BYTES, node), .send_scratch = memory(MK_SEND_SCRATCH_BYTES),
                      .receive_scratch = memory(MK_RECEIVE_SCRATCH_BYTES), .out = memory(out_bytes), .out_bytes = out_bytes };
  m.net->group_ip = 0xe000006c;
  m.net->group_port = 20000 + (uint32_t)getpid() % 20000;
  m.net->interface_ip = 0x7f000001;
  m.net->interface_index = if_nametoindex("lo");
  m.net->receive_buffer = 4 << 20;
  m.net->send_buffer = 4 << 20;
  m.net->options = options;
  CHECK(mk_net_open(m.net) == 0 && m.net->step == MK_STEP_NONE);
  CHECK(m.net->unicast_port != 0 && m.net->group_receive_buffer > 0 && m.net->unicast_send_buffer > 0);
  return m;
}

static void leave(struct member *m)
{
  CHECK(mk_net_close(m->net) == 0);
  free_net(m->net);
  free(m->send_scratch);
  free(m->receive_scratch);
  free(m->out);
}

/* Takes what has come to a socket, until there is no more. */
static void receive_all(struct member *m, uint32_t socket)
{
  do {
    const int32_t records = mk_receive(m->net, socket, m->receive_scratch, m->out, m->out_bytes);
    CHECK(records >= 0 && m->net->out_bytes <= m->out_bytes);
    uint32_t at = 0;
    for (int32_t i = 0; i < records; i++) {
      struct mk_record record;
      memcpy(&record, m->out + at, sizeof record);
      CHECK(record.ip == 0x7f000001 && record.port != 0);
      m->controls++;
      m->control_bytes += record.bytes;
      at += (uint32_t)sizeof record + padded(record.bytes);
    }
    CHECK(at == m->net->out_bytes);
  } while (m->net->more);
}

/* Sends three blocks, the last one short, and takes them in as they come; the receive buffer may hold less than all. */
static void send_blocks(struct member *from, struct member *to)
{
  uint32_t rows[SLOTS * MK_TX_ROW_WORDS];
  uint32_t cursor[2] = { 0, 0 };
  uint32_t random = 4;
  uint32_t sent = 0;
  uint8_t *const arena = arena_of(from->net);
  for (uint32_t i = 0; i < from->net->arena_bytes; i++) arena[i] = (uint8_t)next_random(&random);
  for (uint32_t i = 0; i < SLOTS; i++) make_row(rows + i * MK_TX_ROW_WORDS, i, i == 2 ? 5 : SYMBOLS, SYMBOL_SIZE, i == 2 ? 7 : SYMBOL_SIZE);
  open_context(to->net, 7, SYMBOL_SIZE, SYMBOLS, SLOTS);
  while (cursor[0] < SLOTS) {
    const int32_t got = mk_send_data(from->net, rows, SLOTS, cursor, from->send_scratch);
    CHECK(got > 0 || got == -EAGAIN);
    if (got > 0) sent += (uint32_t)got;
    if (got == -EAGAIN) CHECK(mk_wait(from->net, -1, WAIT_US, MK_WANT_PACKETS | MK_WANT_SEND) & MK_READY_SEND);
    receive_all(to, MK_SOCKET_GROUP);
  }
  const uint32_t packets = 2 * SYMBOLS + 5;
  const uint32_t *const head = table_of(to->net);
  CHECK(sent == packets && from->net->counters[MK_COUNT_SENT_PACKETS] == packets);
  while (head[MK_RX_RECEIVED] < packets) {
    CHECK(mk_wait(to->net, -1, WAIT_US, MK_WANT_PACKETS) & MK_READY_GROUP);
    receive_all(to, MK_SOCKET_GROUP);
  }
  CHECK(head[MK_RX_POLLED] == 1 && head[MK_RX_DUPLICATES] == 0 && head[MK_RX_MISMATCHED] == 0 && head[MK_RX_OUTSIDE] == 0);
  CHECK(memcmp(arena, arena_of(to->net), 2 * SLOT_BYTES + 4 * SYMBOL_SIZE + 7) == 0);
  CHECK(to->net->counters[MK_DATA] == packets && to->net->counters[MK_COUNT_RECEIVED_BYTES] == from->net->counters[MK_COUNT_SENT_BYTES]);
  /* What it sent itself does not come back to a member. */
  receive_all(from, MK_SOCKET_GROUP);
  CHECK(from->net->counters[MK_DATA] == 0 && from->net->counters[MK_STRAY] == 0);
}

static void test_data(uint32_t sender_options, uint32_t receiver_options)
{
  struct member from = join(TEST_OWNER, sender_options, MK_RECORDS_BYTES_MIN);
  struct member to = join(TEST_NODE, receiver_options, MK_RECORDS_BYTES_MIN);
  send_blocks(&from, &to);
  const uint64_t packets = from.net->counters[MK_COUNT_SENT_PACKETS];
  const uint64_t bursts = from.net->counters[MK_COUNT_SENT_BURSTS];
  if (sender_options & MK_OPTION_NO_GSO) CHECK(bursts == packets);
  else CHECK(bursts < packets / 16);
  leave(&from);
  leave(&to);
}

/* The kernel refuses bursts on sockets without checksums: the same call goes on without GSO, and nothing is lost. */
static void test_refused_bursts(void)
{
  const int on = 1;
  struct member from = join(TEST_OWNER, 0, MK_RECORDS_BYTES_MIN);
  struct member to = join(TEST_NODE, 0, MK_RECORDS_BYTES_MIN);
  CHECK(setsockopt(from.net->unicast_fd, SOL_SOCKET, SO_NO_CHECK, &on, sizeof on) == 0);
  CHECK(from.net->offload & MK_OFFLOAD_GSO);
  send_blocks(&from, &to);
  CHECK(!(from.net->offload & MK_OFFLOAD_GSO));
  CHECK(from.net->counters[MK_COUNT_SENT_BURSTS] == from.net->counters[MK_COUNT_SENT_PACKETS]);
  leave(&from);
  leave(&to);
}

/* What refuses single packets as well is no reason to give GSO up: here port 0, for which the kernel has the same errno. */
static void test_refused_address(void)
{
  uint32_t row[MK_TX_ROW_WORDS];
  uint32_t cursor[2] = { 0, 0 };
  struct member m = join(TEST_OWNER, 0, MK_RECORDS_BYTES_MIN);
  make_row(row, 0, SYMBOLS, SYMBOL_SIZE, SYMBOL_SIZE);
  m.net->group_port = 0;
  CHECK(mk_send_data(m.net, row, 1, cursor, m.send_scratch) == -EINVAL);
  CHECK((m.net->offload & MK_OFFLOAD_GSO) && cursor[0] == 0 && cursor[1] == 0);
  cursor[1] = SYMBOLS;
  CHECK(mk_send_data(m.net, row, 1, cursor, m.send_scratch) == -EFAULT);
  leave(&m);
}

static uint32_t put_control(uint8_t *at, uint32_t ip, uint32_t port, uint32_t bytes)
{
  const struct mk_record record = { .ip = ip, .port = (uint16_t)port, .bytes = (uint16_t)bytes };
  uint8_t *const packet = at + sizeof record;
  memcpy(at, &record, sizeof record);
  memset(packet, 0x5a, bytes);
  packet[AT_MAGIC] = MAGIC;
  packet[AT_VERSION] = VERSION;
  packet[AT_TYPE] = 1;
  put64(packet + AT_NODE, TEST_OWNER);
  put32(packet + AT_GROUP, TEST_TAG);
  put32(packet + AT_CHECKSUM, packet_checksum(packet, packet + MK_HEADER_BYTES, bytes - MK_HEADER_BYTES));
  return (uint32_t)sizeof record + padded(bytes);
}

/* More control packets than one output takes: what is left over comes with the next call. */
static void test_control(uint32_t ip)
{
  const uint32_t count = 100, bytes = 1301, room = count * 1312;
  uint32_t used = 0, cursor = 0;
  struct member from = join(TEST_OWNER, 0, MK_RECORDS_BYTES_MIN);
  struct member to = join(TEST_NODE, 0, MK_RECORDS_BYTES_MIN);
  uint8_t *const records = memory(room);
  for (uint32_t i = 0; i < count; i++) used += put_control(records + used, ip, to.net->unicast_port, bytes);
  CHECK(used == room);
  CHECK(mk_send_control(from.net, records, used, &cursor, from.send_scratch) == (int32_t)count && cursor == used);
  const uint32_t socket = ip == 0 ? MK_SOCKET_GROUP : MK_SOCKET_UNICAST;
  while (to.controls < count) {
    CHECK(mk_wait(to.net, -1, 1000, 0) == 0 && mk_wait(to.net, -1, WAIT_US, MK_WANT_PACKETS) == (ip == 0 ? MK_READY_GROUP : MK_READY_UNICAST));
    receive_all(&to, socket);
  }
  CHECK(to.controls == count && to.control_bytes == count * bytes && to.net->counters[MK_CONTROL] == count);
  /* A record that is cut short is refused before anything is sent. */
  cursor = 0;
  CHECK(mk_send_control(from.net, records, used - 4, &cursor, from.send_scratch) == -EFAULT && cursor == 0);
  free(records);
  leave(&from);
  leave(&to);
}

/* A burst that is coalesced on arrival and holds far more packets than records fit into one output. */
static void test_carry_over(void)
{
  const uint32_t segments = 64, bytes = 1000;
  struct member to = join(TEST_NODE, 0, MK_RECORDS_BYTES_MIN);
  uint8_t *const burst = memory(segments * bytes);
  uint8_t *const record = memory(1008);
  for (uint32_t i = 0; i < segments; i++) {
    put_control(record, 0, 0, bytes);
    memcpy(burst + i * bytes, record + sizeof(struct mk_record), bytes);
  }
  const int fd = socket(AF_INET, SOCK_DGRAM, 0);
  const int cut = (int)bytes;
  const struct sockaddr_in target = { .sin_family = AF_INET, .sin_port = htons((uint16_t)to.net->unicast_port),
                                      .sin_addr.s_addr = htonl(0x7f000001) };
  CHECK(fd >= 0 && setsockopt(fd, IPPROTO_UDP, 103, &cut, sizeof cut) == 0);
  for (int i = 0; i < 3; i++) {
    CHECK(sendto(fd, burst, segments * bytes, 0, (const struct sockaddr *)&target, sizeof target) == (ssize_t)(segments * bytes));
  }
  CHECK(mk_wait(to.net, -1, 1000, 0) == 0 && mk_wait(to.net, -1, WAIT_US, MK_WANT_PACKETS) == MK_READY_UNICAST);
  CHECK(mk_receive(to.net, MK_SOCKET_UNICAST, to.receive_scratch, to.out, to.out_bytes - 1) == -ENOSPC);
  CHECK(mk_receive(to.net, MK_SOCKET_UNICAST, to.receive_scratch, to.out, to.out_bytes) == (int32_t)(to.out_bytes / 1008));
  CHECK(to.net->more == 1 && to.net->counters[MK_COUNT_RECEIVED_BURSTS] == 3);
  to.controls = to.out_bytes / 1008;
  /* An error of the socket is told after what was left over, and instead of nothing of it. */
  const int32_t unicast = to.net->unicast_fd;
  to.net->unicast_fd = -1;
  for (int32_t got = 0; got >= 0;) {
    got = mk_receive(to.net, MK_SOCKET_UNICAST, to.receive_scratch, to.out, to.out_bytes);
    CHECK(got == -EBADF || (got > 0 && to.net->out_bytes == (uint32_t)got * 1008));
    if (got > 0) to.controls += (uint32_t)got;
  }
  CHECK(to.controls == 3 * segments);
  to.net->unicast_fd = unicast;
  receive_all(&to, MK_SOCKET_UNICAST);
  CHECK(to.controls == 3 * segments && to.net->counters[MK_CONTROL] == 3 * segments);
  close(fd);
  free(burst);
  free(record);
  leave(&to);
}

#define LARGE 4200u
#define LARGE_SYMBOLS 76u
#define GROUP_MAX 40u /* packets for which even a small receive buffer has room */
#define CONTROLS 16u  /* control packets that fill an output */
enum lie { HONEST, SPOILT, STRANGE_PUSH, LONG, SHORT, CONTROL, LIES };

/* Sends one packet to the group: a symbol, or what is none of the push. */
static void send_large(struct member *from, uint32_t block, uint32_t symbol, enum lie lie)
{
  const struct mk_net *const net = from->net;
  const struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)net->group_port), .sin_addr.s_addr = htonl(net->group_ip) };
  uint32_t row[MK_TX_ROW_WORDS];
  const uint32_t size = lie == LONG ? 2 * LARGE : lie == SHORT ? 77 : LARGE, symbols = lie == LONG ? LARGE_SYMBOLS / 2 : LARGE_SYMBOLS;
  make_row(row, block, symbols, size, lie == SHORT ? 77 : LARGE - 3);
  row[MK_TX_FIRST] = lie == LONG || lie == SHORT ? symbol % (symbols - 1) : symbol;
  row[MK_TX_COUNT] = 1;
  row[MK_TX_PUSH] += lie == STRANGE_PUSH;
  if (lie == CONTROL) (void)put_control(from->out, 0, 0, 4000);
  else CHECK(mk_build_data(net, row, 1, from->out, from->out_bytes) > 0);
  const struct mk_record *const record = (const void *)from->out;
  if (lie == SPOILT) from->out[sizeof *record + MK_HEADER_BYTES + 5] ^= 1;
  CHECK(sendto(net->unicast_fd, record + 1, record->bytes, 0, (const struct sockaddr *)&to, sizeof to) == record->bytes);
}

/* As receive_all; after each call the memory of all symbols that are not there is used for something else. */
static void receive_large(struct member *m)
{
  do {
    CHECK(mk_receive(m->net, MK_SOCKET_GROUP, m->receive_scratch, m->out, m->out_bytes) >= 0);
    for (uint32_t i = 0; i < SLOTS * LARGE_SYMBOLS; i++) {
      const uint32_t block = i / LARGE_SYMBOLS, symbol = i % LARGE_SYMBOLS, *const bits = table_of(m->net) + MK_RX_HEAD_WORDS + block * MK_RX_ENTRY_WORDS + MK_RX_BITMAP;
      if (!(bits[symbol / 32] >> symbol % 32 & 1)) memset(arena_of(m->net) + block * SLOT_BYTES + symbol * LARGE, 0xee, LARGE);
    }
  } while (m->net->more);
}

/* Large symbols are received where they belong if they come as expected. Whatever comes instead, what is there is right in the end. */
static void test_placed(uint32_t receiver_options)
{
  struct member from = join(TEST_OWNER, MK_OPTION_NO_GSO, MK_RECORDS_BYTES_MIN);
  struct member to = join(TEST_NODE, receiver_options, MK_RECORDS_BYTES_MIN);
  uint32_t random = 11, group = 0, lies[LIES] = { 0 };
  uint8_t *const source = arena_of(from.net), *const arena = arena_of(to.net);
  const uint32_t *const head = table_of(to.net);
  for (uint32_t i = 0; i < from.net->arena_bytes; i++) source[i] = (uint8_t)next_random(&random);
  open_context(to.net, 7, LARGE, LARGE_SYMBOLS, SLOTS);
  send_large(&from, 0, 0, HONEST);
  receive_all(&to, MK_SOCKET_GROUP);
  /* That its place is used shows where the checksum is wrong: the symbol counts as missing all the same. */
  send_large(&from, 0, 1, SPOILT);
  receive_all(&to, MK_SOCKET_GROUP);
  CHECK(memcmp(arena + LARGE + 6, source + LARGE + 6, LARGE - 6) == 0 && arena[LARGE + 5] == (source[LARGE + 5] ^ 1));
  CHECK(head[MK_RX_RECEIVED] == 1 && head[MK_RX_HEAD_WORDS + MK_RX_HAVE] == 1 && to.net->counters[MK_DROP_CHECKSUM] == 1);
  /* Symbols whose places are used have to wait, as the output is full. */
  for (uint32_t i = 0; i < 2 * CONTROLS; i++) send_large(&from, 0, 1 + i / 2, i % 2 ? CONTROL : HONEST);
  for (uint32_t i = 0; i < 8; i++) send_large(&from, 0, 1 + CONTROLS + i, HONEST);
  receive_large(&to);
  CHECK(head[MK_RX_RECEIVED] == 9 + CONTROLS && to.net->counters[MK_CONTROL] == CONTROLS);
  /* In order at first, then with gaps, again and again; with others in between. */
  for (uint32_t round = 0; round < 12; round++) {
    for (uint32_t i = 0; i < SLOTS * LARGE_SYMBOLS; i++) {
      const enum lie lie = next_random(&random) % 8 == 0 ? (enum lie)(next_random(&random) % LIES) : HONEST;
      if (round < 11 && next_random(&random) % 12 < round) continue;
      send_large(&from, i / LARGE_SYMBOLS, i % LARGE_SYMBOLS, round == 11 ? HONEST : lie);
      lies[round == 11 ? HONEST : lie]++;
      if (++group < GROUP_MAX && next_random(&random) % 24 != 0) continue;
      receive_large(&to);
      group = 0;
    }
    receive_large(&to);
  }
  for (uint32_t i = 0; i < SLOTS; i++) {
    CHECK(head[MK_RX_HEAD_WORDS + i * MK_RX_ENTRY_WORDS + MK_RX_HAVE] == LARGE_SYMBOLS);
    CHECK(memcmp(arena + i * SLOT_BYTES, source + i * SLOT_BYTES, LARGE_SYMBOLS * LARGE - 3) == 0);
  }
  CHECK(head[MK_RX_DUPLICATES] == lies[HONEST] + 9 + CONTROLS - SLOTS * LARGE_SYMBOLS && head[MK_RX_MISMATCHED] == lies[LONG] + lies[SHORT]);
  CHECK(to.net->counters[MK_DROP_CHECKSUM] == 1 + lies[SPOILT] && to.net->counters[MK_STRAY] == lies[STRANGE_PUSH]);
  CHECK(to.net->counters[MK_CONTROL] == CONTROLS + lies[CONTROL] && lies[CONTROL] > 0 && lies[LONG] > 0 && lies[SHORT] > 0);
  leave(&from);
  leave(&to);
}

static void test_open_and_wait(void)
{
  struct mk_interface rows[64];
  uint32_t source = 0;
  struct member m = join(TEST_NODE, MK_OPTION_NO_GRO | MK_OPTION_NO_GSO, MK_RECORDS_BYTES_MIN);
  const int32_t wake = mk_wake_open();
  CHECK(m.net->offload == 0 && wake >= 0);
  CHECK(mk_wait(m.net, wake, 0, 0) == 0 && mk_wait(m.net, wake, 1500, 0) == 0);
  CHECK(mk_wake(wake) == 0 && mk_wake(wake) == 0);
  CHECK(mk_wait(m.net, wake, -1, 0) == MK_READY_WAKE && mk_wait(m.net, wake, 0, 0) == 0);
  CHECK(mk_wait(m.net, wake, -1, MK_WANT_SEND) == MK_READY_SEND);
  CHECK(mk_close(wake) == 0 && mk_wait(m.net, wake, 0, 0) == -EBADF);
  leave(&m);
  struct mk_net *const bad = make_net(1, 1, TEST_NODE);
  bad->group_ip = 0x7f000001; /* no multicast address */
  bad->interface_ip = 0x7f000001;
  CHECK(mk_net_open(bad) == -EINVAL && bad->step == MK_STEP_JOIN && bad->group_fd == -1 && bad->unicast_fd == -1);
  bad->group_ip = 0xe000006c;
  bad->interface_index = 0x7fffffff;
  CHECK(mk_net_open(bad) == -ENODEV && bad->step == MK_STEP_JOIN);
  free_net(bad);
  const int32_t count = mk_interfaces(rows, 64);
  CHECK(count >= 1 && mk_interfaces(rows, 0) == count);
  CHECK(mk_route_source(0x7f000001, &source) == 0 && source == 0x7f000001 && mk_is_own_address(0x7f000001) == 1 && mk_is_own_address(0xc0000201) == 0);
}

void selftest_net(void)
{
  test_data(0, 0);
  test_data(MK_OPTION_NO_GSO, 0);
  test_data(0, MK_OPTION_NO_GRO);
  test_data(MK_OPTION_NO_GSO, MK_OPTION_NO_GRO);
  test_refused_bursts();
  test_refused_address();
  test_control(0);
  test_control(0x7f000001);
  test_carry_over();
  test_placed(0);
  test_placed(MK_OPTION_NO_GRO);
  test_open_and_wait();
}
