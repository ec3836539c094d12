/* The limit's sender: bursts within the credit, and after a silence what is missing. */
#include "limit.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

#define IP_UDP_BYTES 28u
#define RECEIVERS_MAX 64u
#define BURST_MAX 64u
/* Most bytes in flight: what is larger than the caches is slower, even where sockets hold it. */
#define WINDOW_BYTES (4u << 20)
#define REPORTS_OF_WINDOW 4u
#define STALL_MS 3

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

struct sender {
  int fd;
  struct sockaddr_in group;
  const uint8_t *file;
  uint64_t total, packets, sent, window, repeated;
  uint32_t payload, burst, expected, known;
  struct peer {
    struct sockaddr_in from;
    struct report last;
  } peers[RECEIVERS_MAX];
};

static struct head head_of(const struct sender *s, enum type type, uint64_t index)
{
  return (struct head){ .magic = MAGIC, .type = type, .index = index, .total = s->total, .payload = s->payload,
                        .every = (uint32_t)(s->window / REPORTS_OF_WINDOW) };
}

static void send_control(struct sender *s, enum type type)
{
  const struct head head = head_of(s, type, s->sent);
  if (sendto(s->fd, &head, sizeof head, 0, (struct sockaddr *)&s->group, sizeof s->group) < 0) fail("sendto");
}

/* Packets from `from` on, at most one burst and none from `to` on. Returns how many went out. */
static uint64_t send_burst(struct sender *s, uint64_t from, uint64_t to)
{
  struct head heads[BURST_MAX];
  struct iovec pieces[2 * BURST_MAX];
  _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
  const uint16_t segment = (uint16_t)(sizeof(struct head) + s->payload);
  const uint64_t count = to - from < s->burst ? to - from : s->burst;
  for (uint64_t i = 0; i < count; i++) {
    const uint64_t at = (from + i) * s->payload;
    heads[i] = head_of(s, DATA, from + i);
    pieces[2 * i] = (struct iovec){ .iov_base = &heads[i], .iov_len = sizeof heads[i] };
    pieces[2 * i + 1] = (struct iovec){ .iov_base = (void *)(uintptr_t)(s->file + at), .iov_len = s->total - at < s->payload ? s->total - at : s->payload };
  }
  struct msghdr message = { .msg_name = &s->group, .msg_namelen = sizeof s->group, .msg_iov = pieces, .msg_iovlen = 2 * count,
                            .msg_control = control, .msg_controllen = sizeof control };
  struct cmsghdr *const c = CMSG_FIRSTHDR(&message);
  *c = (struct cmsghdr){ .cmsg_level = SOL_UDP, .cmsg_type = UDP_SEGMENT, .cmsg_len = CMSG_LEN(sizeof segment) };
  memcpy(CMSG_DATA(c), &segment, sizeof segment);
  if (sendmsg(s->fd, &message, 0) < 0) fail("sendmsg");
  return count;
}

/* Takes all reports that are there, after a wait for one. Returns 0 if none came. */
static int take_reports(struct sender *s, int wait_ms)
{
  struct pollfd ready = { .fd = s->fd, .events = POLLIN };
  struct report in;
  struct sockaddr_in from;
  socklen_t size = sizeof from;
  int any = 0;
  if (wait_ms > 0 && poll(&ready, 1, wait_ms) <= 0) return 0;
  while (recvfrom(s->fd, &in, sizeof in, MSG_DONTWAIT, (struct sockaddr *)&from, &size) == (ssize_t)sizeof in) {
    uint32_t i = 0;
    while (i < s->known && s->peers[i].from.sin_addr.s_addr != from.sin_addr.s_addr) i++;
    if (i == RECEIVERS_MAX || in.magic != MAGIC || in.type != REPORT || in.ranges > RANGES_MAX) continue;
    if (i == s->known) s->known++;
    s->peers[i] = (struct peer){ .from = from, .last = in };
    any = 1;
  }
  return any;
}

static uint64_t low_edge(const struct sender *s)
{
  uint64_t low = UINT64_MAX;
  for (uint32_t i = 0; i < s->known; i++) low = s->peers[i].last.edge < low ? s->peers[i].last.edge : low;
  return low;
}

static int all_complete(const struct sender *s)
{
  uint32_t complete = 0;
  for (uint32_t i = 0; i < s->known; i++) complete += s->peers[i].last.complete != 0;
  return complete == s->expected;
}

/* After a silence: asks all how they are, and sends again what the first of them misses. */
static void repair(struct sender *s)
{
  send_control(s, POLL);
  if (!take_reports(s, STALL_MS)) return;
  for (uint32_t i = 0; i < s->known; i++) {
    struct report *const last = &s->peers[i].last;
    for (uint32_t k = 0; k < last->ranges; k++) {
      const uint64_t to = last->missing[k].to < s->sent ? last->missing[k].to : s->sent;
      for (uint64_t at = last->missing[k].from; at < to;) {
        const uint64_t count = send_burst(s, at, to);
        at += count;
        s->repeated += count;
      }
    }
    if (last->ranges > 0) return;
  }
}

static void send_file(struct sender *s)
{
  const uint64_t populate = 4u << 20;
  uint64_t populated = 0;
  while (!all_complete(s)) {
    const uint64_t low = low_edge(s);
    const uint64_t end = low + s->window < s->packets ? low + s->window : s->packets;
    while (s->sent < end && (end - s->sent >= s->burst || end == s->packets)) {
      if (s->sent * s->payload + DATAGRAM_MAX > populated && populated < s->total) {
        const uint64_t bytes = s->total - populated < populate ? s->total - populated : populate;
        (void)madvise((void *)(uintptr_t)(s->file + populated), bytes, MADV_POPULATE_READ);
        populated += populate;
      }
      s->sent += send_burst(s, s->sent, end);
    }
    if (!take_reports(s, STALL_MS)) repair(s);
  }
}

int limit_send(char **arguments)
{
  static struct sender s;
  struct sockaddr_in here = address(arguments[2], "0");
  struct ip_mreqn out = { .imr_address = here.sin_addr };
  struct stat status;
  const int file = open(arguments[3], O_RDONLY | O_CLOEXEC);
  if (file < 0 || fstat(file, &status) != 0) fail(arguments[3]);
  s.group = address(arguments[0], arguments[1]);
  s.total = (uint64_t)status.st_size;
  s.expected = (uint32_t)atoi(arguments[4]);
  s.payload = (uint32_t)atoi(arguments[5]) - IP_UDP_BYTES - (uint32_t)sizeof(struct head);
  s.packets = (s.total + s.payload - 1) / s.payload;
  s.burst = DATAGRAM_MAX / (s.payload + (uint32_t)sizeof(struct head));
  if (s.burst > BURST_MAX) s.burst = BURST_MAX;
  s.file = mmap(NULL, s.total, PROT_READ, MAP_SHARED, file, 0);
  if (s.file == MAP_FAILED) fail("mmap");
  s.fd = open_socket(&here);
  if (setsockopt(s.fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof out) != 0) fail("IP_MULTICAST_IF");
  set(s.fd, IPPROTO_IP, IP_MULTICAST_LOOP, 0, "IP_MULTICAST_LOOP");
  while (s.known < s.expected) {
    send_control(&s, POLL);
    (void)take_reports(&s, 10);
  }
  s.window = WINDOW_BYTES / s.payload;
  for (uint32_t i = 0; i < s.known; i++) {
    /* A quarter: the kernel counts more than the payload. */
    const uint64_t room = s.peers[i].last.holds / 4 / s.payload;
    if (room < s.window) s.window = room;
  }
  const double started = now();
  send_file(&s);
  printf("%.6f %lu %lu\n", now() - started, (unsigned long)s.total, (unsigned long)s.repeated);
  for (int i = 0; i < 3; i++) send_control(&s, DONE);
  return 0;
}
