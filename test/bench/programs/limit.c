/*
 * What the kernel can do: one file from one sender to N receivers by UDP multicast with GSO and GRO, written to a file there. Credit keeps the
 * sender from overrunning the smallest socket buffer, and what is lost is asked for again, crudely. Nothing else: no checksums, no discovery, no manifest, no
 * staging, no commit. The benchmark compares with it. Packets have as many bytes as those of a push: a header of 32, and what the MTU leaves.
 *
 *   limit receive GROUP PORT ADDRESS FILE           prints "ready", ends with the sender
 *   limit send GROUP PORT ADDRESS FILE COUNT MTU    prints seconds, bytes and repeated packets; ADDRESS: of the own interface
 *
 * Both run on one machine, so integers are in its byte order. Time runs from the first packet of data until every receiver has written all.
 */
#include "limit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BUFFER_BYTES (8 << 20)

void fail(const char *what)
{
  perror(what);
  exit(1);
}

void set(int fd, int level, int name, int value, const char *what)
{
  if (setsockopt(fd, level, name, &value, sizeof value) != 0) fail(what);
}

struct sockaddr_in address(const char *ip, const char *port)
{
  struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port)) };
  if (inet_pton(AF_INET, ip, &a.sin_addr) != 1) fail(ip);
  return a;
}

int open_socket(const struct sockaddr_in *here)
{
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const int bytes = BUFFER_BYTES;
  if (fd < 0) fail("socket");
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof bytes) != 0) set(fd, SOL_SOCKET, SO_RCVBUF, bytes, "SO_RCVBUF");
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof bytes) != 0) set(fd, SOL_SOCKET, SO_SNDBUF, bytes, "SO_SNDBUF");
  if (bind(fd, (const struct sockaddr *)here, sizeof *here) != 0) fail("bind");
  return fd;
}

int main(int count, char **words)
{
  if (count == 6 && strcmp(words[1], "receive") == 0) return limit_receive(words + 2);
  if (count == 8 && strcmp(words[1], "send") == 0) return limit_send(words + 2);
  fprintf(stderr, "limit: see the head of limit.c\n");
  return 2;
}
