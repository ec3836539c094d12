/* What interfaces there are, and which one leads to an address. */
#include "internal.h"

#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

/* Any port does: nothing is sent. */
#define PORT_DISCARD 9

static uint32_t ip_of(const struct sockaddr *address)
{
  struct sockaddr_in in;
  memcpy(&in, address, sizeof in);
  return ntohl(in.sin_addr.s_addr);
}

static uint32_t flags_of(unsigned int flags)
{
  return (flags & IFF_UP ? MK_INTERFACE_UP : 0u) | (flags & IFF_LOOPBACK ? MK_INTERFACE_LOOPBACK : 0u) |
         (flags & IFF_MULTICAST ? MK_INTERFACE_MULTICAST : 0u);
}

static struct mk_interface describe(const struct ifaddrs *from, int fd)
{
  struct mk_interface row = { .ip = ip_of(from->ifa_addr), .flags = flags_of(from->ifa_flags) };
  struct ifreq request = { 0 };
  if (from->ifa_netmask != NULL) row.netmask = ip_of(from->ifa_netmask);
  strncpy(row.name, from->ifa_name, sizeof row.name - 1);
  /* A second address may carry a label, "eth0:1"; the interface itself is "eth0". */
  strncpy(request.ifr_name, from->ifa_name, sizeof request.ifr_name - 1);
  request.ifr_name[strcspn(request.ifr_name, ":")] = 0;
  row.index = if_nametoindex(request.ifr_name);
  if (ioctl(fd, SIOCGIFMTU, &request) == 0 && request.ifr_mtu > 0) row.mtu = (uint32_t)request.ifr_mtu;
  return row;
}

int32_t mk_interfaces(struct mk_interface *out, uint32_t max)
{
  struct ifaddrs *all;
  uint32_t count = 0;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  if (getifaddrs(&all) != 0) {
    const int error = errno;
    (void)mk_close(fd);
    return -error;
  }
  for (const struct ifaddrs *at = all; at != NULL; at = at->ifa_next) {
    if (at->ifa_addr == NULL || at->ifa_addr->sa_family != AF_INET) continue;
    if (count < max) out[count] = describe(at, fd);
    count++;
  }
  freeifaddrs(all);
  (void)mk_close(fd);
  return (int32_t)count;
}

int32_t mk_route_source(uint32_t ip, uint32_t *out)
{
  struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(PORT_DISCARD), .sin_addr.s_addr = htonl(ip) };
  socklen_t size = sizeof address;
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int32_t result = 0;
  if (connect(fd, (const struct sockaddr *)&address, sizeof address) != 0 ||
      getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
    result = -errno;
  } else {
    *out = ntohl(address.sin_addr.s_addr);
  }
  (void)mk_close(fd);
  return result;
}

int32_t mk_is_own_address(uint32_t ip)
{
  /* Only what is this host's can be bound to. */
  const struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(ip) };
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  const int32_t result = bind(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 1 : errno == EADDRNOTAVAIL ? 0 : -errno;
  (void)mk_close(fd);
  return result;
}
