/* Names in order, and entries of them; test/disk/scanning.test.ts has real directories. */
#include "selftest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAMES 600u

/* Appends a struct linux_dirent64; returns the offset behind it. */
static uint32_t add_record(uint8_t *to, uint32_t at, const char *name)
{
  const uint32_t bytes = ((uint32_t)strlen(name) + 20 + 7) & ~7u;
  const uint16_t length = (uint16_t)bytes;
  memset(to + at, 0, bytes);
  memcpy(to + at + 16, &length, sizeof length);
  memcpy(to + at + 19, name, strlen(name));
  return at + bytes;
}

/* Sorts names of many patterns, and looks whether all are there, in order. */
static void selftest_orders(void)
{
  uint8_t *const records = memory(NAMES * 32);
  char *const names = memory(NAMES * 8);
  uint32_t *const at = memory(2 * (NAMES + 1) * sizeof *at);
  for (uint32_t step = 1; step < NAMES; step += 83) {
    uint32_t bytes = add_record(records, 0, "..");
    for (uint32_t i = 0; i < NAMES; i++) {
      char name[8];
      (void)snprintf(name, sizeof name, "n%u", i % 3 == 0 ? i : (i * step) % 977 + 1000);
      bytes = add_record(records, bytes, name);
    }
    bytes = add_record(records, bytes, ".");
    uint8_t *const exact = memory(bytes);
    memcpy(exact, records, bytes);
    CHECK(mk_fs_sort_names(exact, bytes, names, NAMES * 8, at, 2 * (NAMES + 1)) == NAMES);
    for (uint32_t i = 1; i < NAMES; i++) CHECK(strcmp(names + at[i - 1], names + at[i]) <= 0);
    CHECK(at[0] == 0 && at[NAMES] == at[NAMES - 1] + strlen(names + at[NAMES - 1]) + 1);
    CHECK(mk_fs_sort_names(exact, bytes, names, at[NAMES] - 1, at, 2 * (NAMES + 1)) == -E2BIG);
    CHECK(mk_fs_sort_names(exact, bytes, names, NAMES * 8, at, 2 * NAMES - 1) == -E2BIG);
    CHECK(mk_fs_sort_names(exact, bytes - 1, names, NAMES * 8, at, 2 * (NAMES + 1)) == -EINVAL);
    free(exact);
  }
  uint8_t *const small = memory(24);
  (void)add_record(small, 0, "a");
  CHECK(mk_fs_sort_names(small, 24, names, 2, at, 2) == 1 && memcmp(names, "a", 2) == 0 && mk_fs_sort_names(small, 0, names, 0, at, 2) == 0);
  for (uint32_t bytes = 1; bytes < 24; bytes++) CHECK(mk_fs_sort_names(small, bytes, names, 2, at, 2) == -EINVAL);
  memset(small + 19, 'x', 5);
  CHECK(mk_fs_sort_names(small, 24, names, 8, at, 2) == -EINVAL);
  memset(small + 16, 0, 2);
  CHECK(mk_fs_sort_names(small, 24, names, 8, at, 2) == -EINVAL);
  free(small);
  free(at);
  free(names);
  free(records);
}

void selftest_scan(void)
{
  char path[] = "/tmp/makuo-selftest-XXXXXX";
  CHECK(mkdtemp(path) != NULL);
  const int32_t base = mk_fs_open(-1, path, MK_FS_OPEN_BASE);
  CHECK(base >= 0 && mk_fs_mkfifo(base, "fb") == 0 && mk_fs_mkfifo(base, "fc") == 0 && mk_fs_mkdir(base, "fd", 0700) == 0);
  uint8_t *const out = memory(37 * 2);
  struct mk_fs_written *const written = memory(sizeof *written);
  CHECK(mk_fs_entries(base, "fa\0fb\0fc\0fd", 12, 4, 3, out, 37 * 2, written) == 2);
  CHECK(written->bytes == 37 * 2 && written->stopped == 0 && out[0] == 4 && out[33] == 5 && out[35] == 1 && out[36] == 'b' && out[73] == 'c');
  CHECK(mk_fs_entries(base, "fc\0fd", 6, 2, 0, out, 37, written) == 0 && written->stopped == 1 && S_ISDIR(written->stat.mode));
  CHECK(mk_fs_entries(base, "fc\0fe", 6, 2, 0, out, 37, written) == 0 && written->stopped == 1 && written->stat.error == ENOENT);
  CHECK(mk_fs_entries(base, "fa\0fb", 6, 2, 0, out, 36, written) == 0 && written->stopped == 0 && written->bytes == 0);
  CHECK(mk_fs_entries(base, "fa\0fb", 6, 2, 4093, out, 37, written) == 0 && mk_fs_entries(base, "fa\0fb", 6, 2, 4095, out, 37, written) == 0);
  CHECK(mk_fs_entries(base, "fa\0fb", 6, 2, 4096, out, 37, written) == -EINVAL && mk_fs_entries(base, "fa\0fb", 5, 2, 0, out, 37, written) == -EINVAL);
  CHECK(mk_fs_entries(base, "fa\0fb", 6, 1, 0, out, 37, written) == -EINVAL && mk_fs_entries(base, "", 0, 0, 0, out, 37, written) == -EINVAL);
  CHECK(mk_fs_entries(base, "fa\0fb\0fb", 9, 3, 4092, out, 37, written) == 1);
  CHECK(mk_fs_unlink(base, "fb") == 0 && mk_fs_unlink(base, "fc") == 0 && mk_fs_rmdir(base, "fd") == 0 && rmdir(path) == 0);
  (void)mk_close(base);
  free(written);
  free(out);
  selftest_orders();
}
