/*
 * The entries of a manifest section, which may come from anybody: checked by every rule of src/wire/PROTOCOL.md, section 10.1, that one section can
 * break, and put into columns. src/wire/entry-columns.ts does the same, and is what this is tested against. The ABI is makuo-fs.h, section 13.2.
 */
#include "internal.h"

#include <errno.h>
#include <string.h>

enum {
  FILE_TYPE = 1, DIRECTORY_TYPE = 2, SYMLINK_TYPE = 3, BLOCK_TYPE = 5, CHARACTER_TYPE = 6, OTHER_TYPE = 7, TYPES = OTHER_TYPE,
  DIGEST_FLAG = 1, LISTED_FLAG = 2,
  DIGEST_BYTES = 16, MODE_MAX = 07777, NAME_MAX_BYTES = 255, PATH_MAX_BYTES = 4095
};
#define NANOSECONDS_MAX 999999999u
#define ID_NONE 0xffffffffu
#define SIZE_MAX_SAFE ((1ull << 53) - 1)

_Static_assert(sizeof((struct mk_entries){0}.names) == MK_ENTRIES_MAX * (NAME_MAX_BYTES + 1), "a section's names have room");
_Static_assert(sizeof((struct mk_entries){0}.parents) == MK_ENTRIES_MAX * PATH_MAX_BYTES, "a section's directories have room");

/* What has been read so far: the last path, where its last slash is (or 0), and its type. */
struct reader {
  const uint8_t *bytes;
  uint32_t length;
  uint32_t at;
  uint32_t path_bytes;
  uint32_t parent_bytes;
  uint32_t type;
  uint8_t path[PATH_MAX_BYTES];
};

/* A byte's place in the manifest's order. */
static uint32_t rank(uint8_t byte)
{
  return byte == '/' ? 0 : byte;
}

/* Whether bytes without a NUL or a slash are a component of a path. */
static int is_component(const uint8_t *first, uint32_t bytes)
{
  if (bytes == 0 || bytes > NAME_MAX_BYTES) return 0;
  return first[0] != '.' || (bytes > 1 && (bytes > 2 || first[1] != '.'));
}

/* Whether what an entry says of itself, its path apart, may be. */
static int is_sound(const uint8_t *entry)
{
  const uint32_t type = entry[0], flags = entry[1], mode = get16(entry + 2);
  const uint64_t size = get64(entry + 24);
  if (type == 0 || type > TYPES) return 0;
  if ((flags & ~(type == FILE_TYPE ? DIGEST_FLAG : type == DIRECTORY_TYPE ? LISTED_FLAG : 0u)) != 0 || mode > MODE_MAX) return 0;
  if (get32(entry + 4) == ID_NONE || get32(entry + 8) == ID_NONE || get32(entry + 20) > NANOSECONDS_MAX || size > SIZE_MAX_SAFE) return 0;
  if (size != 0 && type != FILE_TYPE && type != BLOCK_TYPE && type != CHARACTER_TYPE) return 0;
  if (type != OTHER_TYPE) return 1;
  return mode == 0 && get32(entry + 4) == 0 && get32(entry + 8) == 0 && get64(entry + 12) == 0 && get32(entry + 20) == 0;
}

/* Puts the suffix behind the first `shared` bytes of the last path; 0 if that makes no path. What was checked before is not looked at again. */
static int take_suffix(struct reader *reader, const uint8_t *suffix, uint32_t shared, uint32_t bytes)
{
  uint8_t *const path = reader->path;
  uint32_t start = shared;
  if (shared > reader->parent_bytes) start = reader->parent_bytes == 0 ? 0 : reader->parent_bytes + 1;
  else while (start > 0 && path[start - 1] != '/') start--;
  memcpy(path + shared, suffix, bytes);
  for (uint32_t i = shared; i < shared + bytes; i++) {
    if (path[i] == 0) return 0;
    if (path[i] != '/') continue;
    if (!is_component(path + start, i - start)) return 0;
    start = i + 1;
  }
  reader->parent_bytes = start == 0 ? 0 : start - 1;
  reader->path_bytes = shared + bytes;
  return is_component(path + start, shared + bytes - start);
}

/* Reads the path of the entry at `reader->at`, of a type, and moves behind it. */
static int32_t read_path(struct reader *reader, uint32_t type)
{
  const uint8_t *const entry = reader->bytes + reader->at;
  const uint8_t *const suffix = entry + MK_FS_ENTRY_BYTES;
  const uint32_t shared = get16(entry + 32), bytes = get16(entry + 34);
  if (reader->length - reader->at - MK_FS_ENTRY_BYTES < bytes) return MK_ENTRIES_SHORT;
  if (bytes == 0 || shared > reader->path_bytes || bytes > PATH_MAX_BYTES - shared) return MK_ENTRIES_RANGE;
  /* Not ascending, or `shared` is not the longest possible, or inside of what is not a directory. */
  if (shared < reader->path_bytes ? rank(suffix[0]) <= rank(reader->path[shared])
                                  : suffix[0] == '/' && reader->type != DIRECTORY_TYPE) return MK_ENTRIES_RANGE;
  if (!take_suffix(reader, suffix, shared, bytes)) return MK_ENTRIES_RANGE;
  reader->type = type;
  reader->at += MK_FS_ENTRY_BYTES + bytes;
  return 0;
}

static int32_t read_target(struct reader *reader)
{
  const uint32_t left = reader->length - reader->at;
  if (left < 2) return MK_ENTRIES_SHORT;
  const uint32_t bytes = get16(reader->bytes + reader->at);
  if (left - 2 < bytes) return MK_ENTRIES_SHORT;
  if (bytes == 0 || bytes > PATH_MAX_BYTES || memchr(reader->bytes + reader->at + 2, 0, bytes) != NULL) return MK_ENTRIES_RANGE;
  reader->at += 2 + bytes;
  return 0;
}

/* Reads the entry at `reader->at`, and moves behind it. */
static int32_t read_entry(struct reader *reader, uint32_t digests)
{
  const uint8_t *const entry = reader->bytes + reader->at;
  if (reader->length - reader->at < MK_FS_ENTRY_BYTES) return MK_ENTRIES_SHORT;
  if (!is_sound(entry)) return MK_ENTRIES_RANGE;
  const uint32_t type = entry[0];
  const int32_t fault = read_path(reader, type);
  if (fault != 0) return fault;
  const uint32_t has_digest = entry[1] & DIGEST_FLAG;
  if (has_digest) {
    if (reader->length - reader->at < DIGEST_BYTES) return MK_ENTRIES_SHORT;
    reader->at += DIGEST_BYTES;
  }
  if (type == FILE_TYPE) return has_digest == digests ? 0 : MK_ENTRIES_RANGE;
  return type == SYMLINK_TYPE ? read_target(reader) : 0;
}

/* Keeps the path that the reader has, of which `shared` bytes are of the one before. */
static void take_path(const struct reader *reader, uint32_t index, uint32_t shared, struct mk_entries *out)
{
  const uint32_t parent = reader->parent_bytes;
  /* Of one directory are two paths with as many bytes before the last slash, if they share those. */
  const int sibling = index > 0 && parent == out->parent_bytes[index - 1] && (parent == 0 || shared > parent);
  out->sibling[index] = (uint8_t)sibling;
  out->parent_bytes[index] = (uint16_t)parent;
  if (sibling) out->parent_at[index] = out->parent_at[index - 1];
  else {
    memcpy(out->parents + out->parents_bytes, reader->path, parent);
    out->parent_at[index] = out->parents_bytes;
    out->parents_bytes += parent;
  }
  const uint32_t name = parent == 0 ? 0 : parent + 1, bytes = reader->path_bytes - name, at = out->name_at[index];
  memcpy(out->names + at, reader->path + name, bytes);
  out->names[at + bytes] = 0;
  out->name_at[index + 1] = at + bytes + 1;
}

int32_t mk_entries_read(const uint8_t *section, uint32_t bytes, uint32_t at, uint32_t count, uint32_t digests, struct mk_entries *out)
{
  if (at > bytes || count > MK_ENTRIES_MAX || digests > 1) return -EINVAL;
  struct reader reader;
  reader.bytes = section;
  reader.length = bytes;
  reader.at = at;
  reader.path_bytes = reader.parent_bytes = reader.type = 0;
  out->parents_bytes = 0;
  out->name_at[0] = 0;
  for (uint32_t index = 0; index < count; index++) {
    const uint32_t start = out->starts[index] = reader.at;
    const int32_t fault = read_entry(&reader, digests);
    if (fault != 0) return fault;
    take_path(&reader, index, get16(section + start + 32), out);
  }
  out->starts[count] = reader.at;
  return reader.at == bytes ? 0 : MK_ENTRIES_LONG;
}
