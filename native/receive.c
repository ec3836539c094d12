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
/* After so much of one socket, empty messages not for nothing, the caller has its turn. */
#define CALL_BYTES (1u << 20)

struct receive_scratch {
  uint32_t count;  /* messages of the batch */
  uint32_t next;   /* first of them that is not used up, */
  uint32_t offset; /* from this byte on */
  uint32_t bursts; /* whether the last batch was of bursts */
  struct mmsghdr messages[MESSAGES];
  struct iovec pieces[MESSAGES];
  struct sockaddr_in from[MESSAGES];
  _Alignas(struct cmsghdr) uint8_t control[MESSAGES][64];
  uint8_t bytes[MESSAGES][MESSAGE_STRIDE];
};

_Static_assert(sizeof(struct receive_scratch) <= MK_RECEIVE_SCRATCH_BYTES, "receive scratch outgrew its memory");
_Static_assert(sizeof(struct mk_record) + MESSAGE_BYTES == MK_RECORDS_BYTES_MIN, "a record buffer takes any packet");

/* Takes the next batch. Returns its bytes, 0 if there is nothing; `full` says whether there may be more. */
static int32_t fill(struct mk_net *net, int32_t fd, struct receive_scratch *scratch, int *full)
{
  const uint32_t wanted = scratch->bursts ? BURSTS : MESSAGES;
  for (uint32_t i = 0; i < wanted; i++) {
    scratch->pieces[i] = (struct iovec){ .iov_base = scratch->bytes[i], .iov_len = MESSAGE_BYTES - 1 };
    scratch->messages[i] = (struct mmsghdr){ .msg_hdr = {
      .msg_name = &scratch->from[i], .msg_namelen = sizeof scratch->from[i],
      .msg_iov = &scratch->pieces[i], .msg_iovlen = 1,
      .msg_control = scratch->control[i], .msg_controllen = sizeof scratch->control[i] } };
  }
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

/* Uses up what it can of the next message. Returns 1 when all of it was, 0 when the output is full. */
static int32_t drain_message(struct mk_net *net, struct receive_scratch *scratch, struct output *out)
{
  const uint32_t index = scratch->next;
  const uint32_t total = scratch->messages[index].msg_len;
  const uint32_t step = stride(&scratch->messages[index]);
  do {
    const uint32_t left = total - scratch->offset;
    const uint32_t bytes = left < step ? left : step;
    const uint8_t *const packet = scratch->bytes[index] + scratch->offset;
    /* Before the packet is looked at, so that none is counted twice. */
    if (out->room < sizeof(struct mk_record) + padded(bytes)) return 0;
    const int32_t verdict = mk_packet(net, packet, bytes);
    if (verdict < 0) return verdict;
    if (verdict == MK_DATA) net->touched++;
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
  net->out_bytes = out_bytes - out.room;
  net->more = scratch->next < scratch->count || full;
  return (int32_t)out.records;
}
