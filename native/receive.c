/* Batches of packets from a socket. With GRO one message holds many packets of one length, the last of which may be shorter. */
#include "internal.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/socket.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define MESSAGES 32u
/* One more than any datagram has, so that a packet's length fits into the 16 bits of its record. */
#define MESSAGE_BYTES 65536u
/* From one message's memory to the next. Were it a power of two, the starts of all, which is all that single packets use, would share a few sets of the caches. */
#define MESSAGE_STRIDE (MESSAGE_BYTES + 1600u)
/* Messages of at least so many bytes on average are bursts: a few at a time are taken, so that they are still in the cache when they are looked at. */
#define BURST_BYTES 16384u
#define BURSTS 4u
/*
 * The body of a packet of its own that carries a symbol of so many bytes is received straight into the place of the symbol that is expected next.
 * Smaller ones are copied sooner than the kernel takes one more piece of memory.
 */
#define PLACED_BYTES_MIN 4096u
/* A packet in pieces: header, body in its place, and what is longer. */
#define PIECES 3
/* After so much of one socket, empty messages not for nothing, the caller has its turn. */
#define CALL_BYTES (1u << 20)

struct receive_scratch {
  uint32_t count;  /* messages of the batch */
  uint32_t next;   /* first of them that is not used up, */
  uint32_t offset; /* from this byte on */
  uint32_t bursts; /* whether the last batch was of bursts */
  uint8_t last[MK_HEADER_BYTES]; /* header of a DATA packet of the last batch; zeros: none */
  uint8_t *places[MESSAGES];     /* where the body of a message lies, if not behind its header; most bytes of it there */
  uint32_t placed_bytes;
  struct mmsghdr messages[MESSAGES];
  struct iovec pieces[MESSAGES][PIECES];
  struct sockaddr_in from[MESSAGES];
  _Alignas(struct cmsghdr) uint8_t control[MESSAGES][64];
  uint8_t bytes[MESSAGES][MESSAGE_STRIDE];
};

_Static_assert(sizeof(struct receive_scratch) <= MK_RECEIVE_SCRATCH_BYTES, "receive scratch outgrew its memory");
_Static_assert(sizeof(struct mk_record) + MESSAGE_BYTES == MK_RECORDS_BYTES_MIN, "a record buffer takes any packet");

/* Lets the bodies of the next messages go where the symbols belong that follow the last packet, as far as they are wanted. */
static void expect(const struct mk_net *net, struct receive_scratch *scratch, uint32_t messages)
{
  const uint32_t *const head = scratch->last[AT_TYPE] == TYPE_DATA ? find_context(net, scratch->last) : NULL;
  if (head == NULL || scratch->bursts) return;
  const uint32_t bytes = head[MK_RX_SYMBOL_SIZE];
  if (bytes < PLACED_BYTES_MIN || bytes > SYMBOL_SIZE_MAX) return;
  uint32_t block = get32(scratch->last + AT_BLOCK);
  uint32_t symbol = scratch->last[AT_SYMBOL] + 1u;
  if (symbol >= scratch->last[AT_SYMBOLS]) {
    block++;
    symbol = 0;
  }
  for (uint32_t i = 0; i < messages; i++) {
    uint8_t *place = symbol_place(net, head, block, symbol);
    if (place == NULL && symbol > 0) {
      block++;
      symbol = 0;
      place = symbol_place(net, head, block, symbol);
    }
    if (place == NULL) return;
    uint8_t *const memory = scratch->bytes[i];
    scratch->places[i] = place;
    scratch->placed_bytes = bytes;
    scratch->pieces[i][0].iov_len = MK_HEADER_BYTES;
    scratch->pieces[i][1] = (struct iovec){ .iov_base = place, .iov_len = bytes };
    scratch->pieces[i][2] = (struct iovec){
      .iov_base = memory + MK_HEADER_BYTES + bytes, .iov_len = MESSAGE_BYTES - 1 - MK_HEADER_BYTES - bytes };
    scratch->messages[i].msg_hdr.msg_iovlen = PIECES;
    symbol++;
  }
}

/* Brings the bodies of all messages that are left behind their headers: what was expected has not come, or has to wait. */
static void gather(struct receive_scratch *scratch)
{
  for (uint32_t i = scratch->next; i < scratch->count; i++) {
    const uint32_t bytes = scratch->messages[i].msg_len;
    const uint32_t body = bytes > MK_HEADER_BYTES ? bytes - MK_HEADER_BYTES : 0;
    const uint32_t placed = body < scratch->placed_bytes ? body : scratch->placed_bytes;
    if (scratch->places[i] != NULL) memcpy(scratch->bytes[i] + MK_HEADER_BYTES, scratch->places[i], placed);
    scratch->places[i] = NULL;
  }
}

/* Takes the next batch. Returns its bytes, 0 if there is nothing; `full` says whether there may be more. */
static int32_t fill(struct mk_net *net, int32_t fd, struct receive_scratch *scratch, int *full)
{
  const uint32_t wanted = scratch->bursts ? BURSTS : MESSAGES;
  for (uint32_t i = 0; i < wanted; i++) {
    scratch->places[i] = NULL;
    scratch->pieces[i][0] = (struct iovec){ .iov_base = scratch->bytes[i], .iov_len = MESSAGE_BYTES - 1 };
    scratch->messages[i] = (struct mmsghdr){ .msg_hdr = {
      .msg_name = &scratch->from[i], .msg_namelen = sizeof scratch->from[i],
      .msg_iov = scratch->pieces[i], .msg_iovlen = 1,
      .msg_control = scratch->control[i], .msg_controllen = sizeof scratch->control[i] } };
  }
  expect(net, scratch, wanted);
  int got;
  do got = recvmmsg(fd, scratch->messages, wanted, MSG_DONTWAIT, NULL); while (got < 0 && errno == EINTR);
  scratch->count = got > 0 ? (uint32_t)got : 0;
  scratch->next = 0;
  scratch->offset = 0;
  *full = scratch->count == wanted;
  if (got < 0) return errno == EAGAIN ? 0 : -errno;
  uint32_t bytes = 0;
  for (uint32_t i = 0; i < scratch->count; i++) bytes += scratch->messages[i].msg_len;
  net->counters[MK_COUNT_RECEIVED_BURSTS] += scratch->count;
  net->counters[MK_COUNT_RECEIVED_BYTES] += bytes;
  if (scratch->count > 0) scratch->bursts = bytes >= scratch->count * BURST_BYTES;
  return (int32_t)bytes;
}

/* Bytes from one packet of a message to the next. */
static uint32_t stride(const struct mmsghdr *message)
{
  struct msghdr head = message->msg_hdr;
  for (struct cmsghdr *c = CMSG_FIRSTHDR(&head); c != NULL; c = CMSG_NXTHDR(&head, c)) {
    if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO && c->cmsg_len >= CMSG_LEN(sizeof(int))) {
      int bytes;
      memcpy(&bytes, CMSG_DATA(c), sizeof bytes);
      if (bytes > 0) return (uint32_t)bytes;
    }
  }
  return message->msg_len;
}

struct output {
  uint8_t *at;
  uint32_t room;
  uint32_t records;
};

static void put_record(struct output *out, const struct sockaddr_in *from, const uint8_t *packet, uint32_t bytes)
{
  const struct mk_record record = { .ip = ntohl(from->sin_addr.s_addr), .port = ntohs(from->sin_port), .bytes = (uint16_t)bytes };
  const uint32_t taken = (uint32_t)sizeof record + padded(bytes);
  memcpy(out->at, &record, sizeof record);
  memcpy(out->at + sizeof record, packet, bytes);
  memset(out->at + sizeof record + bytes, 0, padded(bytes) - bytes);
  out->at += taken;
  out->room -= taken;
  out->records++;
}

/* Whether the body of the next message lies where its own symbol goes. */
static int is_in_place(const struct mk_net *net, const struct receive_scratch *scratch)
{
  const uint32_t index = scratch->next;
  const uint32_t bytes = scratch->messages[index].msg_len;
  const uint8_t *const packet = scratch->bytes[index];
  if (bytes <= MK_HEADER_BYTES || bytes - MK_HEADER_BYTES > scratch->placed_bytes || packet[AT_TYPE] != TYPE_DATA) return 0;
  if (stride(&scratch->messages[index]) != bytes) return 0;
  const uint32_t *const head = find_context(net, packet);
  return head != NULL && symbol_place(net, head, get32(packet + AT_BLOCK), packet[AT_SYMBOL]) == scratch->places[index];
}

/* Uses up what it can of the next message. Returns 1 when all of it was, 0 when the output is full. */
static int32_t drain_message(struct mk_net *net, struct receive_scratch *scratch, struct output *out)
{
  const uint32_t index = scratch->next;
  const uint32_t total = scratch->messages[index].msg_len;
  const uint32_t step = stride(&scratch->messages[index]);
  if (scratch->places[index] != NULL && !is_in_place(net, scratch)) gather(scratch);
  do {
    const uint32_t left = total - scratch->offset;
    const uint32_t bytes = left < step ? left : step;
    const uint8_t *const packet = scratch->bytes[index] + scratch->offset;
    /* Before the packet is looked at, so that none is counted twice. */
    if (out->room < sizeof(struct mk_record) + padded(bytes)) return 0;
    const uint8_t *const body = scratch->places[index] != NULL ? scratch->places[index] : packet + MK_HEADER_BYTES;
    const int32_t verdict = take_packet(net, packet, body, bytes);
    if (verdict < 0) return verdict;
    if (verdict == MK_DATA) {
      net->touched++;
      /* What follows a repeat is another repeat, if any. */
      if (!(packet[AT_FLAGS] & FLAG_REPAIR)) memcpy(scratch->last, packet, sizeof scratch->last);
    }
    if (verdict == MK_CONTROL) put_record(out, &scratch->from[index], packet, bytes);
    scratch->offset += bytes;
  } while (scratch->offset < total);
  scratch->next++;
  scratch->offset = 0;
  return 1;
}

int32_t mk_receive(struct mk_net *net, uint32_t socket, void *memory, uint8_t *records, uint32_t out_bytes)
{
  struct receive_scratch *const scratch = memory;
  struct output out = { .at = records, .room = out_bytes, .records = 0 };
  net->out_bytes = 0;
  net->touched = 0;
  net->more = 0;
  if (out_bytes < MK_RECORDS_BYTES_MIN) return -ENOSPC;
  if (socket != MK_SOCKET_GROUP && socket != MK_SOCKET_UNICAST) return -EINVAL;
  /* What an earlier call has left comes from a batch that was full, or stopped by a full output: there may be more in any case. */
  int full = 1;
  const int fresh = scratch->next >= scratch->count;
  for (uint32_t taken = 0;;) {
    if (scratch->next >= scratch->count) {
      if (!full || taken >= CALL_BYTES) break;
      const int32_t bytes = fill(net, socket == MK_SOCKET_GROUP ? net->group_fd : net->unicast_fd, scratch, &full);
      if (bytes < 0 && taken == 0 && fresh) return bytes;
      /* An error comes once; what came before it counts. */
      if (bytes < 0) break;
      taken += (uint32_t)bytes + scratch->count * MK_HEADER_BYTES;
      if (scratch->count == 0) break;
    }
    const int32_t done = drain_message(net, scratch, &out);
    if (done < 0) return done;
    if (done == 0) break;
  }
  /* Until the next call the slots may get other uses. */
  gather(scratch);
  net->out_bytes = out_bytes - out.room;
  net->more = scratch->next < scratch->count || full;
  return (int32_t)out.records;
}
