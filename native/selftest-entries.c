/* Entries of a manifest section: in memory of their exact size, so that nothing is read behind them; test/native/entries.test.ts has the rules. */
#include "selftest.h"

#include <errno.h>

#define DIRECTORY 2
#define SYMLINK 3

/* Appends an entry, a target of one byte included if it is a link; returns the offset behind it. */
static uint32_t add(uint8_t *to, uint32_t at, uint8_t type, uint32_t shared, const char *suffix)
{
  const uint32_t bytes = (uint32_t)strlen(suffix);
  memset(to + at, 0, MK_FS_ENTRY_BYTES);
  to[at] = type;
  put16(to + at + 32, shared);
  put16(to + at + 34, bytes);
  memcpy(to + at + MK_FS_ENTRY_BYTES, suffix, bytes);
  at += MK_FS_ENTRY_BYTES + bytes;
  if (type != SYMLINK) return at;
  memcpy(to + at, "\0\1t", 3);
  return at + 3;
}

/* What is said of a section's first `bytes` bytes, `head` of which come before its entries. */
static int32_t read_exactly(const uint8_t *section, uint32_t bytes, uint32_t head, uint32_t count, struct mk_entries *out)
{
  uint8_t *const exact = memory(bytes == 0 ? 1 : bytes);
  memcpy(exact, section, bytes);
  const int32_t result = mk_entries_read(exact, bytes, head, count, 0, out);
  free(exact);
  return result;
}

void selftest_entries(void)
{
  uint8_t section[400];
  struct mk_entries *const out = memory(sizeof *out);
  memset(section, 0xee, 8);
  uint32_t end = add(section, 8, DIRECTORY, 0, "a");
  end = add(section, end, 1, 1, "/b");
  end = add(section, end, SYMLINK, 2, "c");
  end = add(section, end, 4, 0, "d/e");
  CHECK(read_exactly(section, end, 8, 4, out) == 0);
  CHECK(memcmp(out->names, "a\0b\0c\0e", 8) == 0 && memcmp(out->parents, "ad", out->parents_bytes) == 0);
  CHECK(out->starts[0] == 8 && out->starts[4] == end && out->name_at[4] == 8);
  CHECK(out->parent_bytes[0] == 0 && out->parent_bytes[2] == 1 && out->parent_at[3] == 1 && out->parents_bytes == 2);
  CHECK(memcmp(out->sibling, "\0\0\1\0", 4) == 0);
  CHECK(read_exactly(section, end + 1, 8, 4, out) == MK_ENTRIES_LONG && read_exactly(section, 8, 8, 0, out) == 0);
  for (uint32_t bytes = 8; bytes < end; bytes++) CHECK(read_exactly(section, bytes, 8, 4, out) > 0);
  for (uint32_t at = 8; at < end; at++) {
    /* Whatever is said of it. */
    const uint8_t kept = section[at];
    for (uint32_t value = 0; value < 256; value++) {
      section[at] = (uint8_t)value;
      CHECK(read_exactly(section, end, 8, 4, out) >= 0);
    }
    section[at] = kept;
  }
  CHECK(mk_entries_read(section, 7, 8, 0, 0, out) == -EINVAL && mk_entries_read(section, end, 8, MK_ENTRIES_MAX + 1, 0, out) == -EINVAL);
  CHECK(mk_entries_read(section, end, 8, 4, 2, out) == -EINVAL);
  free(out);
}
