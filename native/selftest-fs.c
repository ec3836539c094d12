/* The file-system calls, in a directory of their own. */
#include "selftest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define NAMES "file\0link\0pipe\0missing"

/* What may not be opened: links, what lies outside, what is there already. */
static void selftest_ways(int32_t base)
{
  CHECK(mk_fs_symlink("/etc", base, "out") == 0);
  CHECK(mk_fs_symlink("sub", base, "in") == 0);
  CHECK(mk_fs_mkdir(base, "sub", 0700) == 0);
  for (uint32_t way = MK_FS_OPEN_PARENT; way <= MK_FS_OPEN_CREATE; way++) {
    CHECK(mk_fs_open(base, "out/passwd", way) == -ELOOP);
    CHECK(mk_fs_open(base, "in/x", way) == -ELOOP);
    CHECK(mk_fs_open(base, "../x", way) == -EXDEV);
    CHECK(mk_fs_open(base, "/etc", way) == -EXDEV);
    CHECK(mk_fs_open(base, "sub/../..", way) < 0);
    CHECK(way == MK_FS_OPEN_HANDLE || mk_fs_open(base, "in", way) < 0);
    CHECK(mk_fs_open(base, "", way) == -ENOENT);
  }
  CHECK(mk_fs_open(base, "sub", MK_FS_OPEN_CREATE + 1) == -EINVAL);
  CHECK(mk_fs_open(base, "sub", MK_FS_OPEN_CREATE) == -EEXIST);
  CHECK(mk_fs_unlink(base, "out") == 0 && mk_fs_unlink(base, "in") == 0 && mk_fs_rmdir(base, "sub") == 0);
}

/* Rows to the byte, and names that are not packed as promised. */
static void selftest_stat(int32_t base)
{
  struct mk_fs_stat *const rows = memory(4 * sizeof *rows);
  const uint32_t bytes = sizeof NAMES;
  char *const names = memory(bytes);
  memcpy(names, NAMES, bytes);
  CHECK(mk_fs_stat_many(base, names, bytes, 4, rows) == 4);
  CHECK(rows[0].error == 0 && S_ISREG(rows[0].mode) && rows[0].size == 5 && rows[0].seconds == -1 && rows[0].nanoseconds == 999999999);
  CHECK(rows[0].links == 1 && rows[0].locked == 0 && rows[0].device == rows[1].device);
  CHECK(S_ISLNK(rows[1].mode) && S_ISFIFO(rows[2].mode));
  CHECK(rows[3].error == ENOENT && rows[3].mode == 0 && rows[3].inode == 0);
  CHECK(rows[0].mount != 0 && rows[0].mount == rows[1].mount && rows[0].changed_ns > 1500000000000000000);
  memset(rows, 0x55, 4 * sizeof *rows);
  CHECK(mk_fs_stat_many(base, names, bytes - 1, 4, rows) == -EINVAL); /* the last NUL is missing */
  CHECK(mk_fs_stat_many(base, names, bytes, 3, rows) == -EINVAL);
  CHECK(mk_fs_stat_many(base, names, bytes, 5, rows) == -EINVAL);
  CHECK(mk_fs_stat_many(base, names, bytes, 0, rows) == -EINVAL);
  CHECK(mk_fs_stat_many(base, names, 0, 1, rows) == -EINVAL);
  names[4] = 'x';
  CHECK(mk_fs_stat_many(base, names, bytes, 4, rows) == -EINVAL);
  names[4] = names[3] = 0; /* an empty name would be the directory itself */
  CHECK(mk_fs_stat_many(base, names, bytes, 5, rows) == -EINVAL);
  for (size_t i = 0; i < 4 * sizeof *rows; i++) CHECK(((uint8_t *)rows)[i] == 0x55);
  CHECK(mk_fs_stat_many(base, names, 0, 0, rows) == 0);
  free(names);
  free(rows);
}

static void selftest_bytes(int32_t base, int32_t file)
{
  uint8_t *const five = memory(5);
  memcpy(five, "12345", 5);
  CHECK(mk_fs_write(file, five, 5, 0) == 5);
  CHECK(mk_fs_write(file, five, 0, 0) == 0);
  CHECK(mk_fs_write_back(file, 0, 5) == 0);
  const int32_t fd = open_here(base, "file", MK_FS_OPEN_READ);
  uint8_t *const four = memory(4);
  CHECK(mk_fs_read(fd, four, 4, 3) == 2 && memcmp(four, "45", 2) == 0);
  CHECK(mk_fs_read(fd, four, 4, 5) == 0 && mk_fs_read(fd, four, 4, -1) == -EINVAL);
  CHECK(mk_fs_write(fd, five, 5, 0) == -EBADF && mk_fs_read(file, four, 4, 0) == -EBADF);
  CHECK(mk_fs_read_link(base, "link", four, 4) == 4 && memcmp(four, "some", 4) == 0);
  CHECK(mk_fs_read_link(base, "file", four, 4) == -EINVAL);
  CHECK(mk_fs_sequential(fd) == 0 && mk_fs_sync(fd) == 0 && mk_fs_sync_all(fd) == 0);
  close_all(&fd, 1);
  free(four);
  free(five);
}

/* Metadata through descriptors that allow nothing else. */
static void selftest_metadata(int32_t base)
{
  static const char *const names[] = {"file", "pipe", "link"};
  for (uint32_t i = 0; i < 3; i++) {
    struct mk_fs_stat *const row = memory(sizeof *row);
    const int32_t fd = open_here(base, names[i], MK_FS_OPEN_HANDLE);
    CHECK(mk_fs_chown(fd, getuid(), getgid()) == 0);
    if (i < 2) CHECK(mk_fs_chmod(fd, 04751) == 0);
    CHECK(mk_fs_utime(fd, -1, 999999999) == 0);
    CHECK(mk_fs_stat(fd, row) == 0 && row->seconds == -1 && row->nanoseconds == 999999999 && row->uid == getuid());
    CHECK(i == 2 || (row->mode & 07777) == 04751);
    CHECK(mk_fs_sync(fd) == -EBADF);
    CHECK(mk_fs_utime(fd, 0, 1000000000) == -EINVAL);
    close_all(&fd, 1);
    free(row);
  }
}

static void selftest_names(int32_t base)
{
  const int32_t list = open_here(base, ".", MK_FS_OPEN_DIRECTORY);
  void *const small = memory(24);
  CHECK(mk_fs_list(list, small, 1) == -EINVAL);
  uint32_t total = 0;
  for (int32_t bytes; (bytes = mk_fs_list(list, small, 24)) != 0; total += (uint32_t)bytes) CHECK(bytes > 0 && bytes <= 24);
  CHECK(total == 5 * 24); /* ".", "..", file, link, pipe */
  free(small);
  close_all(&list, 1);
  CHECK(mk_fs_mkdir(base, "a", 0700) == 0 && mk_fs_mkdir(base, "b", 0700) == 0);
  const int32_t a = open_here(base, "a", MK_FS_OPEN_PARENT);
  CHECK(mk_fs_rename(base, "file", a, "x") == 0 && mk_fs_exchange(a, "x", base, "b") == 0);
  CHECK(mk_fs_rename(base, "b", base, "a") == -EISDIR && mk_fs_exchange(a, "none", base, "b") == -ENOENT);
  CHECK(mk_fs_rmdir(base, "a") == -ENOTEMPTY && mk_fs_unlink(base, "a") == -EISDIR && mk_fs_rmdir(base, "b") == -ENOTDIR);
  CHECK(mk_fs_rmdir(a, "x") == 0 && mk_fs_rmdir(base, "a") == 0);
  CHECK(mk_fs_unlink(base, "b") == 0 && mk_fs_unlink(base, "link") == 0 && mk_fs_unlink(base, "pipe") == 0);
  CHECK(mk_fs_may_write(base) == 0 && mk_fs_may_write(a) == 0);
  close_all(&a, 1);
}

/* Device nodes, for whom may make them; their numbers come back. */
static void selftest_devices(int32_t base)
{
  struct mk_fs_stat *const rows = memory(2 * sizeof *rows);
  const int32_t result = mk_fs_mkdevice(base, "null", MK_FS_CHARACTER, 1, 3);
  CHECK(result == 0 || result == -EPERM);
  CHECK(mk_fs_mkdevice(base, "none", MK_FS_CHARACTER + 1, 1, 3) == -EINVAL);
  CHECK(mk_fs_mkdevice(base, "none", MK_FS_BLOCK, 1u << 12, 0) == -EINVAL && mk_fs_mkdevice(base, "none", MK_FS_BLOCK, 0, 1u << 20) == -EINVAL);
  if (result == 0 && mk_fs_mkdevice(base, "disk", MK_FS_BLOCK, 4095, 1048575) == 0) {
    CHECK(mk_fs_stat_many(base, "null\0disk", 10, 2, rows) == 2);
    CHECK(S_ISCHR(rows[0].mode) && rows[0].major == 1 && rows[0].minor == 3 && (rows[0].mode & 07077) == 0);
    CHECK(S_ISBLK(rows[1].mode) && rows[1].major == 4095 && rows[1].minor == 1048575);
    CHECK(mk_fs_unlink(base, "disk") == 0);
  }
  if (result == 0) CHECK(mk_fs_unlink(base, "null") == 0);
  CHECK(mk_fs_stat(base, rows) == 0 && rows[0].major == 0 && rows[0].minor == 0);
  free(rows);
}

/* `b` has 3 bytes, mode 04700, and was changed 1 s before 1970, and 5 ns. */
static void selftest_compare(int32_t base)
{
  uint8_t *const entries = memory(74);
  uint32_t *const at = memory(2 * sizeof *at);
  uint8_t *const differs = memory(2);
  put_entry(entries, 0xff);
  put_entry(entries + 38, 0xff);
  at[0] = 1000;
  at[1] = 1038;
  CHECK(mk_fs_compare(base, "b\0x", 4, entries, 74, at, 2, differs) == 2 && differs[0] == 0 && differs[1] == MK_FS_MISSING);
  put_entry(entries + 38, 0xfe);
  entries[31] = 4;
  CHECK(mk_fs_compare(base, "b\0b", 4, entries, 74, at, 2, differs) == 2);
  CHECK(differs[0] == MK_FS_OTHER_SIZE && differs[1] == MK_FS_OTHER_TIME);
  for (int32_t type = 0; type < 256; type++) {
    entries[0] = (uint8_t)type;
    CHECK(mk_fs_compare(base, "b", 2, entries, 36, at, 1, differs) == 1 && differs[0] == (type == 1 ? MK_FS_OTHER_SIZE : type == 4 ? MK_FS_OTHER_TYPE : (MK_FS_OTHER_TYPE | MK_FS_MORE)));
  }
  CHECK(mk_fs_compare(base, "b", 1, entries, 74, at, 1, differs) == -EINVAL && mk_fs_compare(base, "b/", 3, entries, 74, at, 1, differs) == -EINVAL);
  CHECK(mk_fs_compare(base, "b\0", 3, entries, 74, at, 2, differs) == -EINVAL && mk_fs_compare(base, "b\0x", 4, entries, 74, at, 1, differs) == -EINVAL);
  CHECK(mk_fs_compare(base, "b\0..", 5, entries, 74, at, 2, differs) == -EINVAL && mk_fs_compare(base, "b", 2, entries, 35, at, 1, differs) == -EINVAL);
  CHECK(mk_fs_compare(base, "b\0x", 4, entries, 73, at, 2, differs) == -EINVAL);
  at[1] = 999;
  CHECK(mk_fs_compare(base, "b\0x", 4, entries, 74, at, 2, differs) == -EINVAL);
  at[1] = 1075;
  CHECK(mk_fs_compare(base, "b\0x", 4, entries, 74, at, 2, differs) == -EINVAL);
  CHECK(mk_fs_compare(-1, "b", 2, entries, 74, at, 1, differs) == 1 && differs[0] == MK_FS_UNKNOWN && mk_fs_compare(base, "", 0, entries, 0, at, 0, differs) == 0);
  free(differs);
  free(at);
  free(entries);
}

void selftest_fs(void)
{
  char path[] = "/tmp/makuosan-selftest-XXXXXX";
  CHECK(mkdtemp(path) != NULL);
  const int32_t base = open_here(-1, path, MK_FS_OPEN_BASE);
  CHECK(mk_fs_open(-1, "/no/such/place", MK_FS_OPEN_BASE) == -ENOENT);
  selftest_ways(base);
  const int32_t file = open_here(base, "file", MK_FS_OPEN_CREATE);
  CHECK(mk_fs_symlink("somewhere", base, "link") == 0 && mk_fs_mkfifo(base, "pipe") == 0);
  selftest_bytes(base, file);
  selftest_metadata(base);
  selftest_stat(base);
  selftest_names(base);
  selftest_devices(base);
  selftest_files(base);
  selftest_compare(base);
  CHECK(mk_fs_unlink(base, "b") == 0);
  struct mk_fs_space *const space = memory(sizeof *space);
  CHECK(mk_fs_space(base, space) == 0 && space->free >= space->available && space->read_only == 0);
  struct statvfs same;
  CHECK(statvfs(path, &same) == 0 && space->inodes == same.f_files && space->free % same.f_frsize == 0);
  free(space);
  const int32_t locks[] = {open_here(base, ".", MK_FS_OPEN_DIRECTORY), open_here(base, ".", MK_FS_OPEN_DIRECTORY)};
  CHECK(mk_fs_lock(locks[0]) == 0 && mk_fs_lock(locks[1]) == -EWOULDBLOCK);
  close_all(locks, 1);
  CHECK(mk_fs_lock(locks[1]) == 0 && mk_fs_lock(base) == -EBADF); /* O_PATH */
  close_all(locks + 1, 1);
  const int64_t now = mk_fs_now_ns();
  CHECK(now > 1500000000000000000 && mk_fs_now_ns() >= now);
  const int32_t fds[] = {file, base};
  close_all(fds, 2);
  CHECK(mk_close(file) == -EBADF);
  CHECK(rmdir(path) == 0);
}
