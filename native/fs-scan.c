/*
 * The names of a directory in order, and what a manifest says of those that need no second thought: files and FIFOs. The ABI is makuo-fs.h, section 13.3.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

/* Of struct linux_dirent64, which no header of the C library has: bytes before d_reclen and before d_name. */
enum { RECORD_BYTES_AT = 16, NAME_AT = 19 };

enum { FILE_TYPE = 1, FIFO_TYPE = 4, NAME_MAX_BYTES = 255, PATH_MAX_BYTES = 4095 };
#define ID_NONE 0xffffffffu
#define SIZE_MAX_SAFE ((1ull << 53) - 1)

/* Offset behind the run of names in order that starts at `from`. One in the reverse order, as many file systems list them, is turned round. */
static uint32_t run_end(const char *names, uint32_t *order, uint32_t from, uint32_t count)
{
  uint32_t to = from + 1;
  if (to == count) return to;
  if (strcmp(names + order[from], names + order[to]) <= 0) {
    while (++to < count && strcmp(names + order[to - 1], names + order[to]) <= 0) continue;
    return to;
  }
  while (++to < count && strcmp(names + order[to - 1], names + order[to]) > 0) continue;
  for (uint32_t low = from, high = to - 1; low < high; low++, high--) {
    const uint32_t kept = order[low];
    order[low] = order[high];
    order[high] = kept;
  }
  return to;
}

/* Merges two runs that follow one another; `spare` has room for the first. */
static void merge(const char *names, uint32_t *order, uint32_t first, uint32_t second, uint32_t *spare)
{
  memcpy(spare, order, first * sizeof *order);
  uint32_t *out = order, *right = order + first;
  const uint32_t *left = spare, *const left_end = spare + first, *const right_end = right + second;
  while (left < left_end && right < right_end) *out++ = strcmp(names + *left, names + *right) <= 0 ? *left++ : *right++;
  memcpy(out, left, (size_t)(left_end - left) * sizeof *left);
}

/* Puts names in the order of their bytes: merges neighbouring runs until there is one. */
static void sort(const char *names, uint32_t *order, uint32_t count, uint32_t *spare)
{
  for (;;) {
    uint32_t at = 0, first = 0;
    while (at < count) {
      first = run_end(names, order, at, count);
      if (first == count) break;
      const uint32_t second = run_end(names, order, first, count);
      merge(names, order + at, first - at, second - first, spare);
      at = second;
    }
    if (at == 0) return;
  }
}

int32_t mk_fs_sort_names(const uint8_t *records, uint32_t bytes, char *names, uint32_t names_bytes, uint32_t *at, uint32_t max)
{
  const char *const from = (const char *)records;
  uint32_t count = 0, sum = 0;
  for (uint32_t record = 0; record < bytes;) {
    uint16_t length;
    if (bytes - record <= NAME_AT) return -EINVAL;
    memcpy(&length, records + record + RECORD_BYTES_AT, sizeof length);
    const char *const name = from + record + NAME_AT;
    if (length <= NAME_AT || length > bytes - record || memchr(name, 0, length - NAME_AT) == NULL) return -EINVAL;
    if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
      /* The second half is for sorting. */
      if (count >= max / 2) return -E2BIG;
      at[count++] = record + NAME_AT;
      sum += (uint32_t)strlen(name) + 1;
    }
    record += length;
  }
  if (sum > names_bytes || count >= max) return -E2BIG;
  sort(from, at, count, at + max / 2);
  sum = 0;
  for (uint32_t i = 0; i < count; i++) {
    const char *const name = from + at[i];
    const uint32_t length = (uint32_t)strlen(name) + 1;
    memcpy(names + sum, name, length);
    at[i] = sum;
    sum += length;
  }
  at[count] = sum;
  return (int32_t)count;
}

/* Whether there is nothing more to say of it than what the fixed part of an entry has, and that can say it. */
static int is_plain(const struct stat *is)
{
  if (!S_ISREG(is->st_mode) && !S_ISFIFO(is->st_mode)) return 0;
  return is->st_uid != ID_NONE && is->st_gid != ID_NONE && (uint64_t)is->st_mtim.tv_nsec < 1000000000u && (uint64_t)is->st_size <= SIZE_MAX_SAFE;
}

static void put_entry(uint8_t *to, const struct stat *is, uint32_t shared, uint32_t suffix_bytes)
{
  to[0] = S_ISREG(is->st_mode) ? FILE_TYPE : FIFO_TYPE;
  to[1] = 0;
  put16(to + 2, is->st_mode & 07777);
  put32(to + 4, is->st_uid);
  put32(to + 8, is->st_gid);
  put64(to + 12, (uint64_t)is->st_mtim.tv_sec);
  put32(to + 20, (uint32_t)is->st_mtim.tv_nsec);
  put64(to + 24, S_ISREG(is->st_mode) ? (uint64_t)is->st_size : 0);
  put16(to + 32, shared);
  put16(to + 34, suffix_bytes);
}

/* Whether `count` names, each with its NUL, are all of `bytes` bytes. */
static int are_names(const char *names, uint32_t bytes, uint32_t count)
{
  uint32_t at = 0;
  for (uint32_t i = 0; i < count; i++) {
    const char *const end = at < bytes ? memchr(names + at, 0, bytes - at) : NULL;
    if (end == NULL) return 0;
    at = (uint32_t)(end - names) + 1;
  }
  return at == bytes;
}

int32_t mk_fs_entries(int32_t directory, const char *names, uint32_t names_bytes, uint32_t count, uint32_t path_bytes,
                      uint8_t *out, uint32_t room, struct mk_fs_written *written)
{
  memset(written, 0, sizeof *written);
  if (count == 0 || path_bytes > PATH_MAX_BYTES || !are_names(names, names_bytes, count)) return -EINVAL;
  const uint32_t before = path_bytes == 0 ? 0 : path_bytes + 1;
  const char *last = names;
  for (uint32_t i = 1; i < count; i++) {
    const char *const name = last + strlen(last) + 1;
    const uint32_t bytes = (uint32_t)strlen(name);
    uint32_t same = 0;
    while (name[same] != 0 && name[same] == last[same]) same++;
    const uint32_t suffix = bytes - same;
    /* What is no name, or not behind the last one, or has no room, is the caller's. */
    if ((uint8_t)name[same] <= (uint8_t)last[same] || bytes > NAME_MAX_BYTES || before + bytes > PATH_MAX_BYTES) return (int32_t)i - 1;
    if (memchr(name, '/', bytes) != NULL || strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return (int32_t)i - 1;
    if (room - written->bytes < MK_FS_ENTRY_BYTES + suffix) return (int32_t)i - 1;
    struct stat is;
    if (fs_look(directory, name, &is) != 0 || !is_plain(&is)) {
      (void)fs_stat_name(directory, name, &written->stat);
      written->stopped = 1;
      return (int32_t)i - 1;
    }
    put_entry(out + written->bytes, &is, before + same, suffix);
    memcpy(out + written->bytes + MK_FS_ENTRY_BYTES, name + same, suffix);
    written->bytes += MK_FS_ENTRY_BYTES + suffix;
    last = name;
  }
  return (int32_t)count - 1;
}
