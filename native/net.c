/* Opening the two sockets of a member (PROTOCOL §1.2), and waiting for them. */
#include "internal.h"

#include <errno.h>
#include <limits.h>
#include <linux/filter.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#ifndef UDP_GRO
#define UDP_GRO 104
#endif

#define US_PER_S 1000000
#define NS_PER_US 1000

static int set(int32_t fd, int level, int name, int value)
{
  return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

static struct sockaddr_in address_of(uint32_t ip, uint32_t port)
{
  return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(ip) };
}

/* Asks for a buffer of `bytes`, past the system's limit where that is allowed; returns what is granted. 0 asks for nothing. */
static uint32_t set_buffer(int32_t fd, int name, int force_name, uint32_t bytes)
{
  int granted = 0;
  socklen_t size = sizeof granted;
  if (bytes > 0) {
    /* The kernel doubles it, into an int. */
    const int wanted = bytes > INT_MAX / 2 ? INT_MAX / 2 : (int)bytes;
    if (!set(fd, SOL_SOCKET, force_name, wanted)) (void)set(fd, SOL_SOCKET, name, wanted);
  }
  return getsockopt(fd, SOL_SOCKET, name, &granted, &size) == 0 && granted > 0 ? (uint32_t)granted : 0;
}

/*
 * Lets the kernel throw away what this node sent itself, before it takes room in the buffer. Only a saving: what gets through is ignored later.
 * The filter sees the UDP header (8 bytes) first. Packets too short for a node id pass, to be counted as such.
 */
static void ignore_own(int32_t fd, uint64_t node)
{
  const uint32_t at = 8 + AT_NODE;
  struct sock_filter code[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0),
    BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, at + 8, 0, 5),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(node >> 32), 0, 3),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, at + 4),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)node, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, 0),
    BPF_STMT(BPF_RET | BPF_K, 0xffffffffu),
  };
  const struct sock_fprog program = { .len = sizeof code / sizeof code[0], .filter = code };
  (void)setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program);
}

static uint32_t open_group(struct mk_net *net)
{
  const struct sockaddr_in here = address_of(net->group_ip, net->group_port);
  const struct ip_mreqn group = {
    .imr_multiaddr.s_addr = htonl(net->group_ip), .imr_address.s_addr = htonl(net->interface_ip),
    .imr_ifindex = (int)net->interface_index };
  const int32_t fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (fd < 0) return MK_STEP_GROUP_SOCKET;
  net->group_fd = fd;
  ignore_own(fd, net->node);
  /* Not SO_REUSEPORT: every member on this host shall get every packet, not its share of them. */
  if (!set(fd, SOL_SOCKET, SO_REUSEADDR, 1)) return MK_STEP_GROUP_REUSE;
  /* Without this, packets would come in that other processes on this host have joined for on other interfaces. */
  if (!set(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0)) return MK_STEP_MULTICAST_ALL;
  net->group_receive_buffer = set_buffer(fd, SO_RCVBUF, SO_RCVBUFFORCE, net->receive_buffer);
  if (!(net->options & MK_OPTION_NO_GRO) && set(fd, SOL_UDP, UDP_GRO, 1)) net->offload |= MK_OFFLOAD_GROUP_GRO;
  if (bind(fd, (const struct sockaddr *)&here, sizeof here) != 0) return MK_STEP_GROUP_BIND;
  if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &group, sizeof group) != 0) return MK_STEP_JOIN;
  return MK_STEP_NONE;
}

static uint32_t open_unicast(struct mk_net *net)
{
  struct sockaddr_in here = address_of(net->interface_ip, 0);
  socklen_t size = sizeof here;
  const struct ip_mreqn way_out = { .imr_address.s_addr = htonl(net->interface_ip), .imr_ifindex = (int)net->interface_index };
  const int32_t fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_UDP);
  if (fd < 0) return MK_STEP_UNICAST_SOCKET;
  net->unicast_fd = fd;
  if (setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &way_out, sizeof way_out) != 0) return MK_STEP_MULTICAST_INTERFACE;
  /* All members are on this link, whatever the routes say, as where two interfaces have addresses of one network. Where it cannot be had they decide. */
  (void)set(fd, IPPROTO_IP, IP_UNICAST_IF, (int)htonl(net->interface_index));
  if (!set(fd, IPPROTO_IP, IP_MULTICAST_TTL, 1) || !set(fd, IPPROTO_IP, IP_TTL, 1)) return MK_STEP_TTL;
  if (!set(fd, IPPROTO_IP, IP_MULTICAST_LOOP, 1)) return MK_STEP_MULTICAST_LOOP;
  /* PROBE, not DO: the interface's MTU counts, and no forged ICMP message can lower it. */
  if (!set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_PROBE)) return MK_STEP_DONT_FRAGMENT;
  net->unicast_receive_buffer = set_buffer(fd, SO_RCVBUF, SO_RCVBUFFORCE, net->receive_buffer);
  net->unicast_send_buffer = set_buffer(fd, SO_SNDBUF, SO_SNDBUFFORCE, net->send_buffer);
  if (!(net->options & MK_OPTION_NO_GRO) && set(fd, SOL_UDP, UDP_GRO, 1)) net->offload |= MK_OFFLOAD_UNICAST_GRO;
  if (bind(fd, (const struct sockaddr *)&here, sizeof here) != 0) return MK_STEP_UNICAST_BIND;
  if (getsockname(fd, (struct sockaddr *)&here, &size) != 0) return MK_STEP_UNICAST_NAME;
  net->unicast_port = ntohs(here.sin_port);
  return MK_STEP_NONE;
}

int32_t mk_net_open(struct mk_net *net)
{
  net->group_fd = -1;
  net->unicast_fd = -1;
  /* Whether the kernel can segment shows at the first burst. */
  net->offload = net->options & MK_OPTION_NO_GSO ? 0 : MK_OFFLOAD_GSO;
  net->step = open_group(net);
  if (net->step == MK_STEP_NONE) net->step = open_unicast(net);
  if (net->step == MK_STEP_NONE) return 0;
  const int error = errno;
  (void)mk_net_close(net);
  return -error;
}

int32_t mk_close(int32_t fd)
{
  /* Not repeated after EINTR: Linux has closed it by then. */
  return close(fd) == 0 || errno == EINTR ? 0 : -errno;
}

int32_t mk_net_close(struct mk_net *net)
{
  const int32_t group = net->group_fd >= 0 ? mk_close(net->group_fd) : 0;
  const int32_t unicast = net->unicast_fd >= 0 ? mk_close(net->unicast_fd) : 0;
  net->group_fd = -1;
  net->unicast_fd = -1;
  return group < 0 ? group : unicast;
}

int32_t mk_net_mtu(const struct mk_net *net)
{
  struct ifreq request = { .ifr_ifindex = (int)net->interface_index };
  if (ioctl(net->unicast_fd, SIOCGIFNAME, &request) != 0 || ioctl(net->unicast_fd, SIOCGIFMTU, &request) != 0) return -errno;
  return request.ifr_mtu;
}

int32_t mk_wake_open(void)
{
  const int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  return fd >= 0 ? fd : -errno;
}

int32_t mk_wake(int32_t wake_fd)
{
  const uint64_t one = 1;
  ssize_t got;
  do got = write(wake_fd, &one, sizeof one); while (got < 0 && errno == EINTR);
  /* EAGAIN: it is as awake as can be. */
  return got >= 0 || errno == EAGAIN ? 0 : -errno;
}

static int64_t now_us(void)
{
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * US_PER_S + now.tv_nsec / NS_PER_US;
}

static int32_t ready_mask(const struct pollfd *fds)
{
  const short readable = POLLIN | POLLERR | POLLHUP;
  int32_t mask = 0;
  uint64_t wakes;
  for (int i = 0; i < 3; i++) {
    if (fds[i].revents & POLLNVAL) return -EBADF;
  }
  if (fds[0].revents & readable) mask |= MK_READY_GROUP;
  if (fds[1].revents & readable) mask |= MK_READY_UNICAST;
  if (fds[1].revents & POLLOUT) mask |= MK_READY_SEND;
  /* Taking the wake-up back before the caller looks for its reason: one that comes meanwhile counts anew. */
  if ((fds[2].revents & readable) && (read(fds[2].fd, &wakes, sizeof wakes) == sizeof wakes)) mask |= MK_READY_WAKE;
  return mask;
}

int32_t mk_wait(const struct mk_net *net, int32_t wake_fd, int64_t timeout_us, uint32_t want)
{
  const short packets = want & MK_WANT_PACKETS ? POLLIN : 0;
  const short room = want & MK_WANT_SEND ? POLLOUT : 0;
  /* A socket of which nothing is wanted is left out as a whole: it would tell of errors all the same. */
  struct pollfd fds[3] = {
    { .fd = packets ? net->group_fd : -1, .events = packets },
    { .fd = packets | room ? net->unicast_fd : -1, .events = (short)(packets | room) },
    { .fd = wake_fd, .events = POLLIN },
  };
  const int64_t end_us = timeout_us > 0 ? now_us() + timeout_us : 0;
  for (int64_t left_us = timeout_us;; left_us = end_us - now_us()) {
    /* The time may run out between two interruptions. */
    const int64_t wait_us = timeout_us > 0 && left_us < 0 ? 0 : left_us;
    const struct timespec time = { .tv_sec = (time_t)(wait_us / US_PER_S), .tv_nsec = (long)(wait_us % US_PER_S * NS_PER_US) };
    const int got = ppoll(fds, 3, timeout_us < 0 ? NULL : &time, NULL);
    if (got > 0) return ready_mask(fds);
    if (got == 0) return 0;
    if (errno != EINTR) return -errno;
  }
}
