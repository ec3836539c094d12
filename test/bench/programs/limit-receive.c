/* The limit's receiver: takes bursts, writes them, says how far it is. */
#include "limit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* Messages of one system call. Of bursts fewer: more would not stay in the processor's cache until they are written. */
#define MESSAGES 64u
#define BURSTS 4u
#define BURST_BYTES 16384u
#define PIECES_MAX 1024u

struct receiver {
  int fd, file;
  uint32_t holds, every, payload;
  uint64_t total, packets, taken, edge, reported;
  uint8_t *have; /* one byte for each packet */
  struct sockaddr_in sender;
  struct iovec pieces[PIECES_MAX]; /* what is to be written next: */
  uint32_t count;
  uint64_t first, next; /* these packets */
};

static void write_pieces(struct receiver *r)
{
  off_t at = (off_t)(r->first * r->payload);
  for (struct iovec *piece = r->pieces; r->count > 0;) {
    ssize_t got = pwritev(r->file, piece, (int)r->count, at);
    if (got < 0) fail("pwritev");
    at += got;
    for (; r->count > 0 && (size_t)got >= piece->iov_len; piece++, r->count--) got -= (ssize_t)piece->iov_len;
    if (r->count > 0) {
      piece->iov_base = (uint8_t *)piece->iov_base + got;
      piece->iov_len -= (size_t)got;
    }
  }
}

static void report(struct receiver *r)
{
  struct report out = { .magic = MAGIC, .type = REPORT, .edge = r->edge, .holds = r->holds, .complete = r->packets > 0 && r->taken == r->packets };
  for (uint64_t i = 0; i < r->edge && r->taken < r->edge && out.ranges < RANGES_MAX; i++) {
    if (r->have[i]) continue;
    struct range *const range = &out.missing[out.ranges++];
    range->from = i;
    while (i < r->edge && !r->have[i]) i++;
    range->to = i;
  }
  r->reported = r->edge;
  (void)sendto(r->fd, &out, sizeof out, 0, (struct sockaddr *)&r->sender, sizeof r->sender);
}

/* The first packet says how large the file is, whichever arrives. */
static void learn(struct receiver *r, const struct head *head)
{
  r->payload = head->payload;
  r->total = head->total;
  r->packets = (r->total + r->payload - 1) / r->payload;
  r->every = head->every;
  r->have = calloc(r->packets + 1, 1);
  if (r->have == NULL) fail("calloc");
}

static void take_data(struct receiver *r, const struct head *head, uint8_t *body, size_t bytes)
{
  if (head->index >= r->packets || r->have[head->index]) return;
  r->have[head->index] = 1;
  r->taken++;
  if (head->index >= r->edge) r->edge = head->index + 1;
  if (r->count > 0 && (head->index != r->next || r->count == PIECES_MAX)) write_pieces(r);
  if (r->count == 0) r->first = head->index;
  r->pieces[r->count++] = (struct iovec){ .iov_base = body, .iov_len = bytes };
  r->next = head->index + 1;
}

static size_t stride(struct msghdr *message, size_t whole)
{
  for (struct cmsghdr *c = CMSG_FIRSTHDR(message); c != NULL; c = CMSG_NXTHDR(message, c)) {
    if (c->cmsg_level == SOL_UDP && c->cmsg_type == UDP_GRO) {
      int bytes;
      memcpy(&bytes, CMSG_DATA(c), sizeof bytes);
      return (size_t)bytes;
    }
  }
  return whole;
}

/* Returns 1 at the end. */
static int take_message(struct receiver *r, struct mmsghdr *message)
{
  uint8_t *const bytes = message->msg_hdr.msg_iov->iov_base;
  const size_t whole = message->msg_len, step = stride(&message->msg_hdr, whole);
  int asked = 0;
  for (size_t at = 0; at + sizeof(struct head) <= whole; at += step) {
    const size_t length = whole - at < step ? whole - at : step;
    struct head head;
    memcpy(&head, bytes + at, sizeof head);
    if (head.magic != MAGIC) continue;
    memcpy(&r->sender, message->msg_hdr.msg_name, sizeof r->sender);
    if (head.type == DONE) return 1;
    if (r->have == NULL && (head.type == DATA || head.index > 0)) learn(r, &head);
    if (head.type == DATA) take_data(r, &head, bytes + at + sizeof head, length - sizeof head);
    if (head.type != POLL) continue;
    if (r->have != NULL && head.index > r->edge && head.index <= r->packets) r->edge = head.index;
    asked = 1;
  }
  if (asked) {
    write_pieces(r);
    report(r);
  }
  return 0;
}

int limit_receive(char **arguments)
{
  static uint8_t bytes[MESSAGES][65536];
  static _Alignas(struct cmsghdr) uint8_t control[MESSAGES][64];
  static struct receiver r;
  struct mmsghdr messages[MESSAGES];
  struct iovec pieces[MESSAGES];
  struct sockaddr_in from[MESSAGES];
  struct sockaddr_in bound = address(arguments[0], arguments[1]);
  struct ip_mreqn join = { .imr_multiaddr = bound.sin_addr, .imr_address = address(arguments[2], "0").sin_addr };
  socklen_t size = sizeof r.holds;
  r.fd = open_socket(&bound);
  r.file = open(arguments[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (r.file < 0) fail(arguments[3]);
  set(r.fd, SOL_UDP, UDP_GRO, 1, "UDP_GRO");
  if (setsockopt(r.fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &join, sizeof join) != 0) fail("IP_ADD_MEMBERSHIP");
  if (getsockopt(r.fd, SOL_SOCKET, SO_RCVBUF, &r.holds, &size) != 0) fail("SO_RCVBUF");
  puts("ready");
  fflush(stdout);
  for (uint32_t most = BURSTS;;) {
    for (uint32_t i = 0; i < most; i++) {
      pieces[i] = (struct iovec){ .iov_base = bytes[i], .iov_len = sizeof bytes[i] };
      messages[i] = (struct mmsghdr){ .msg_hdr = { .msg_name = &from[i], .msg_namelen = sizeof from[i], .msg_iov = &pieces[i],
                                                   .msg_iovlen = 1, .msg_control = control[i], .msg_controllen = sizeof control[i] } };
    }
    const int got = recvmmsg(r.fd, messages, most, MSG_WAITFORONE, NULL);
    if (got < 0 && errno != EINTR) fail("recvmmsg");
    for (int i = 0; i < got; i++) {
      if (take_message(&r, &messages[i])) return 0;
    }
    write_pieces(&r);
    if (got > 0) most = messages[0].msg_len > BURST_BYTES ? BURSTS : MESSAGES;
    if (r.have != NULL && (r.edge - r.reported >= r.every || (r.taken == r.packets && r.reported != r.edge))) report(&r);
  }
}
