/* The calls of makuo-fs.h, section 13.1, that make and read many files. */
#include "selftest.h"

#include <errno.h>
#include <linux/magic.h>

/* `count` files with these names, two bytes from one to the next. */
static struct mk_fs_files *new_files(int32_t base, const char *names, uint32_t names_bytes, uint32_t count)
{
  struct mk_fs_files *const files = memory(sizeof *files);
  files->directory = base;
  files->count = count;
  files->entries_bytes = 36 * count;
  files->names_bytes = names_bytes;
  memcpy(files->names, names, names_bytes);
  for (uint32_t i = 0; i < count; i++) {
    put_entry(files->entries + 36 * i, 0xff);
    files->rows[i] = (struct mk_fs_file){.entry = 36 * i, .name = 2 * i, .at = 2 * i};
  }
  return files;
}

/* Whether both calls refuse two files, of which the second is changed. */
static int are_refused(int32_t base, const char *names, uint32_t names_bytes, const struct mk_fs_file *second, const uint8_t *entry)
{
  uint8_t *const arena = memory(5);
  struct mk_fs_files *const files = new_files(base, names, names_bytes, 2);
  if (second != NULL) files->rows[1] = *second;
  if (entry != NULL) memcpy(files->entries + 36, entry, 36);
  const int refused = mk_fs_make_files(arena, 5, 1, files) == -EINVAL && mk_fs_read_files(arena, 5, INT64_MAX, 0, files) == -EINVAL;
  free(files);
  free(arena);
  return refused;
}

/* Rows that are not as said are refused as a whole, before the first file. */
static void selftest_unsound(int32_t base)
{
  static const struct mk_fs_file bad[] = {
    {.entry = 36, .name = 2, .at = 3}, {.entry = 36, .name = 2, .at = 6}, {.entry = 36, .name = 2, .at = UINT32_MAX},
    {.entry = 36, .name = 4}, {.entry = 36, .name = 3}, {.entry = 36, .name = UINT32_MAX},
    {.entry = 37, .name = 2}, {.entry = 73, .name = 2}, {.entry = UINT32_MAX, .name = 2},
  };
  for (uint32_t i = 0; i < sizeof bad / sizeof bad[0]; i++) CHECK(are_refused(base, "a\0b", 4, &bad[i], NULL));
  static const struct { uint32_t at; uint8_t byte; } wrong[] = {{0, 2}, {0, 0}, {2, 0x10}, {24, 1}, {27, 1}, {30, 1}, {31, 4}};
  for (uint32_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
    uint8_t entry[36];
    put_entry(entry, 0xff);
    entry[wrong[i].at] = wrong[i].byte;
    CHECK(are_refused(base, "a\0b", 4, NULL, entry));
  }
  CHECK(are_refused(base, "a\0/", 4, NULL, NULL) && are_refused(base, "a\0.", 4, NULL, NULL) && are_refused(base, "a\0..", 5, NULL, NULL));
  CHECK(are_refused(base, "a\0", 2, NULL, NULL) && are_refused(base, "a\0b", 3, NULL, NULL) && are_refused(base, "a\0\0", 3, NULL, NULL));
  struct mk_fs_files *const files = new_files(base, "a", 2, 1);
  files->count = 0;
  CHECK(mk_fs_make_files(NULL, 0, 0, files) == 0 && mk_fs_read_files(NULL, 0, 0, 0, files) == 0);
  files->names_bytes = MK_FS_NAMES_BYTES + 1;
  CHECK(mk_fs_make_files(NULL, 0, 0, files) == -EINVAL);
  files->names_bytes = 2;
  files->entries_bytes = MK_FS_ENTRIES_BYTES + 1;
  CHECK(mk_fs_make_files(NULL, 0, 0, files) == -EINVAL);
  files->entries_bytes = 36;
  files->count = MK_FS_FILES_MAX + 1;
  CHECK(mk_fs_make_files(NULL, 0, 0, files) == -EINVAL && mk_fs_unlink(base, "a") == -ENOENT);
  free(files);
}

/* Young files are asked whether they are at rest, and others are not; a writer is seen while he has the file open, and so is his mapping. */
static void selftest_rest(int32_t base)
{
  struct mk_fs_space *const space = memory(sizeof *space);
  CHECK(mk_fs_space(base, space) == 0);
  const int told = space->type == TMPFS_MAGIC || space->type == EXT4_SUPER_MAGIC || space->type == XFS_SUPER_MAGIC || space->type == BTRFS_SUPER_MAGIC;
  free(space);
  const int32_t writer = open_here(base, "a", MK_FS_OPEN_CREATE);
  const int32_t reader = open_here(base, "a", MK_FS_OPEN_READ);
  CHECK(mk_fs_at_rest(reader) == 0);
  close_all(&writer, 1);
  CHECK(mk_fs_at_rest(reader) == told && mk_fs_at_rest(reader) == told && mk_fs_at_rest(base) == 0 && mk_fs_at_rest(-1) == 0);
  uint8_t *const none = memory(1);
  struct mk_fs_files *const old = new_files(base, "a", 2, 1);
  struct mk_fs_stat *const is = memory(sizeof *is);
  CHECK(mk_fs_stat(reader, is) == 0);
  for (uint32_t i = 0; i < 8; i++) old->entries[12 + i] = (uint8_t)((uint64_t)is->seconds >> (56 - 8 * i));
  for (uint32_t i = 0; i < 4; i++) old->entries[20 + i] = (uint8_t)(is->nanoseconds >> (24 - 8 * i));
  old->entries[31] = 0;
  struct mk_fs_file *const row = old->rows;
  for (int64_t late = 0; late < 2; late++) {
    row->at_rest = row->fresh = 9;
    CHECK(mk_fs_read_files(none, 1, is->changed_ns + late, is->changed_ns, old) == 1 && row->changed == 0);
    CHECK(row->at_rest == (late == 0 && told) && row->fresh == 1);
  }
  CHECK(mk_fs_read_files(none, 1, INT64_MAX, is->changed_ns + 1, old) == 1 && row->fresh == 0 && row->changed_ns == is->changed_ns);
  free(is);
  free(old);
  free(none);
  close_all(&reader, 1);
  CHECK(mk_fs_unlink(base, "a") == 0);
}

static void selftest_many(int32_t base)
{
  uint8_t *const arena = memory(5);
  memcpy(arena, "12345", 5);
  struct mk_fs_files *const made = new_files(base, "a\0b", 4, 2);
  CHECK(mk_fs_make_files(arena, 5, 1, made) == 2 && made->rows[0].error == 0 && made->rows[1].error == 0);
  made->names[0] = 'c';
  CHECK(mk_fs_make_files(arena, 5, 0, made) == 1 && made->rows[1].error == EEXIST && made->rows[1].step == MK_FS_MAKE_CREATE);
  uint8_t digest[16];
  mk_xxh3_128(arena + 2, 3, 0, digest);
  CHECK(memcmp(made->digests[1], digest, 16) == 0);
  struct mk_fs_files *const old = new_files(base, "b\0a\0x", 6, 3);
  uint8_t *const into = memory(9);
  memset(into, 0x55, 9);
  for (uint32_t i = 0; i < 3; i++) old->rows[i].at = 3 * i;
  old->entries[36 + 23] = 6;
  CHECK(mk_fs_read_files(into, 9, INT64_MAX, 0, old) == 3);
  CHECK(memcmp(into, "345\0\0\0\0\0", 9) == 0 && memcmp(old->digests[0], digest, 16) == 0);
  const struct mk_fs_file *const found = old->rows;
  CHECK(found[0].error == 0 && found[0].changed == 0 && found[0].changed_ns > 1500000000000000000 && found[0].fresh == 1);
  CHECK(found[1].error == 0 && found[1].changed == 1 && found[1].changed_ns == 0 && old->digests[1][0] == 0);
  CHECK(found[2].error == ENOENT && found[2].changed == 0);
  CHECK(mk_fs_unlink(base, "a") == 0 && mk_fs_unlink(base, "c") == 0);
  free(into);
  free(old);
  free(made);
  free(arena);
}

void selftest_files(int32_t base)
{
  selftest_unsound(base);
  selftest_rest(base);
  selftest_many(base);
}
