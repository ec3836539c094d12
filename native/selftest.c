/* Runs the parts of the self-test, and tests the small ones itself. */
#include "selftest.h"

#include <errno.h>
#include <grp.h>
#include <net/if.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

void selftest_hash(void)
{
  static const uint8_t empty_digest[16] = { 0x99, 0xaa, 0x06, 0xd3, 0x01, 0x47, 0x98, 0xd8,
                                            0x60, 0x01, 0xc3, 0x24, 0x46, 0x8d, 0x49, 0x7f };
  const uint32_t bytes = 5000;
  uint8_t *const data = memory(bytes);
  uint8_t whole[16], pieces[16];
  uint32_t random = 1;
  for (uint32_t i = 0; i < bytes; i++) data[i] = (uint8_t)next_random(&random);
  CHECK(mk_crc32c((const uint8_t *)"123456789", 9) == 0xe3069283u);
  CHECK(mk_crc32c(data, 0) == 0);
  for (uint32_t few = 0; few < 70; few++) CHECK(crc32c_few(few, data + 1, few) == crc32c_continue(few, data + 1, few));
  CHECK(~crc32c_continue(crc32c_continue(CRC32C_START, data, 33), data + 33, bytes - 33) == mk_crc32c(data, bytes));
  mk_xxh3_128(data, 0, 0, whole);
  CHECK(memcmp(whole, empty_digest, sizeof whole) == 0);
  mk_xxh3_128(data, bytes, 0, whole);
  /* The state may lie anywhere. */
  uint8_t *const state = memory(MK_XXH3_STATE_BYTES + 1);
  for (uint32_t shift = 0; shift < 2; shift++) {
    mk_xxh3_128_reset(state + shift);
    for (uint32_t at = 0, step; at < bytes; at += step) {
      step = 1 + next_random(&random) % 700;
      if (step > bytes - at) step = bytes - at;
      mk_xxh3_128_update(state + shift, data + at, step);
      mk_xxh3_128_digest(state + shift, pieces);
    }
    CHECK(memcmp(whole, pieces, sizeof whole) == 0);
  }
  mk_xxh3_128(data, bytes, 1, pieces);
  CHECK(memcmp(whole, pieces, sizeof whole) != 0);
  free(state);
#ifdef __x86_64__
  /* Both ways give the same, from every residue of their strides on. */
  for (uint32_t length = 0; length <= bytes && __builtin_cpu_supports("avx2"); length += 1 + length / 50) {
    hash_plain.digest(data, length, length, whole);
    hash_avx2.digest(data, length, length, pieces);
    CHECK(memcmp(whole, pieces, sizeof whole) == 0);
  }
#endif
  free(data);
}

/* Every length up to several steps of the widest loop, from and to memory that begins and ends anywhere. */
static void test_copy(copy_way *way)
{
  uint32_t random = 2;
  for (uint32_t bytes = 0; bytes < 1500; bytes++) {
    const uint32_t shift = bytes % 7, start = next_random(&random);
    uint8_t *const from = memory(shift + bytes), *const to = memory(bytes + shift);
    for (uint32_t i = 0; i < bytes; i++) from[shift + i] = (uint8_t)next_random(&random);
    CHECK(way(start, to, from + shift, bytes) == crc32c_continue(start, from + shift, bytes));
    CHECK(memcmp(to, from + shift, bytes) == 0);
    free(from);
    free(to);
  }
}

void selftest_copy(void)
{
  test_copy(crc32c_copy);
  test_copy(copy_plain);
#ifdef __x86_64__
  if (copy_avx512_fits()) test_copy(copy_avx512);
#endif
}

/* Gives up privileges in a process of its own and says how that went. */
static int drop_in_child(void)
{
  const uint32_t groups[] = { 65533, 65532, 65533 };
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    int32_t result = mk_drop_privileges(65534, 65534, groups, 3);
    if (result == 0 && (setuid(0) == 0 || getuid() != 65534 || getgid() != 65534 || getgroups(0, NULL) == 0)) result = -EPERM;
    _exit(-result);
  }
  int status = 0;
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
  return WEXITSTATUS(status);
}

/* The loopback's, and that of an interface that is gone. */
static void test_mtu(void)
{
  const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct mk_net net = { .unicast_fd = fd, .interface_index = if_nametoindex("lo") };
  CHECK(fd >= 0 && mk_net_mtu(&net) >= 576);
  net.interface_index = 0x7fffffff;
  CHECK(mk_net_mtu(&net) == -ENODEV);
  CHECK(mk_close(fd) == 0 && mk_net_mtu(&net) == -EBADF);
}

void selftest_process(void)
{
  uint32_t ids[2] = { 1, 1 };
  char name[16];
  uint32_t layout[2] = { 0, 0 };
  CHECK(mk_user("root", ids) == 0 && ids[0] == 0 && ids[1] == 0);
  CHECK(mk_user_by_id(0, ids) == 0 && ids[0] == 0);
  CHECK(mk_user("no such user", ids) == -ENOENT);
  CHECK(mk_group("no such group", ids) == -ENOENT);
  CHECK(mk_group("root", ids) == 0 && ids[0] == 0);
  CHECK(mk_set_name("a name that is too long") == 0);
  CHECK(prctl(PR_GET_NAME, name, 0, 0, 0) == 0 && strcmp(name, "a name that is ") == 0);
  test_mtu();
  CHECK(drop_in_child() == (geteuid() == 0 ? 0 : EPERM));
  CHECK(mk_abi_version() == MK_ABI_VERSION);
  CHECK(mk_layout(layout, 1) > 1 && layout[0] == MK_HEADER_BYTES && layout[1] == 0);
}

int main(int argc, char **argv)
{
  if (argc == 2 && strcmp(argv[1], SELFTEST_SPAWNED) == 0) return selftest_spawned();
  selftest_hash();
  selftest_copy();
  selftest_packet();
  selftest_build();
  selftest_net();
  selftest_process();
  selftest_fs();
  selftest_entries();
  selftest_scan();
  selftest_daemon();
  printf("selftest: passed\n");
  return 0;
}
