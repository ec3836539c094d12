/* What the limit's two sides have in common: limit.c says what it is. */
#ifndef LIMIT_H
#define LIMIT_H
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <sys/socket.h>

#ifndef UDP_SEGMENT
#define UDP_SEGMENT 103
#endif
#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define MAGIC 0x6c696d74u
#define RANGES_MAX 32u
#define DATAGRAM_MAX 65507u

enum type { DATA = 1, POLL = 2, DONE = 3, REPORT = 4 };

struct head {
  uint32_t magic;
  uint32_t type;
  uint64_t index;   /* DATA: of this packet; POLL: packets sent so far */
  uint64_t total;   /* bytes of the file */
  uint32_t payload; /* bytes of each packet but the last */
  uint32_t every;   /* packets from one report to the next */
};
_Static_assert(sizeof(struct head) == 32, "a header is as long as that of a push");

struct range {
  uint64_t from, to;
};

struct report {
  uint32_t magic;
  uint32_t type;
  uint64_t edge;   /* every packet below has been here, or is lost */
  uint32_t holds;  /* bytes that the socket's buffer has room for */
  uint32_t ranges; /* what is missing below the edge, or the first of it */
  uint64_t complete;
  struct range missing[RANGES_MAX];
};

/* Prints what failed and why, and ends. */
void fail(const char *what) __attribute__((noreturn));
/* Sets an option of a socket to a number. */
void set(int fd, int level, int name, int value, const char *what);
struct sockaddr_in address(const char *ip, const char *port);
/* A bound socket whose buffers are as large as they may be. */
int open_socket(const struct sockaddr_in *here);

/* The two sides, with the arguments of the command line from the group on. */
int limit_receive(char **arguments);
int limit_send(char **arguments);

#endif
