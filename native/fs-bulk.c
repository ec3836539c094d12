/*
 * What a tree of small files costs is system calls, and for each of them the way there and back: here one call from JavaScript does all that
 * is to be done for as many files as a block holds. No file is treated in another way than one at a time. The ABI is makuo-fs.h, section 13.1.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(struct mk_fs_file) == 32, "mk_fs_file has a hole");
_Static_assert(offsetof(struct mk_fs_files, names) + MK_FS_NAMES_BYTES == sizeof(struct mk_fs_files), "mk_fs_files has a hole");

/* What an entry of a manifest says of a file (src/wire/PROTOCOL.md, 10.1). */
struct said {
  uint64_t size;
  int64_t seconds;
  uint32_t nanoseconds;
  uint32_t mode;
  uint32_t uid;
  uint32_t gid;
};

static uint64_t big_endian(const uint8_t *from, uint32_t bytes)
{
  uint64_t value = 0;
  for (uint32_t i = 0; i < bytes; i++) value = value << 8 | from[i];
  return value;
}

static struct said said_of(const uint8_t *entry)
{
  return (struct said){
    .size = big_endian(entry + 24, 8), .seconds = (int64_t)big_endian(entry + 12, 8), .nanoseconds = (uint32_t)big_endian(entry + 20, 4),
    .mode = (uint32_t)big_endian(entry + 2, 2), .uid = (uint32_t)big_endian(entry + 4, 4), .gid = (uint32_t)big_endian(entry + 8, 4),
  };
}

/* Bytes of the name at `name`, if it is one of a directory's: one component, not `.` or `..`; else 0. */
static uint32_t name_bytes(const char *names, uint32_t bytes, uint32_t name)
{
  if (name >= bytes) return 0;
  const char *const first = names + name;
  const char *const end = memchr(first, 0, bytes - name);
  if (end == NULL || memchr(first, '/', (size_t)(end - first)) != NULL) return 0;
  return strcmp(first, ".") == 0 || strcmp(first, "..") == 0 ? 0 : (uint32_t)(end - first);
}

/* Whether each row has an entry of a file, whose bytes lie in the arena, and a name. */
static int are_sound(uint64_t arena_bytes, const struct mk_fs_files *files)
{
  if (files->count > MK_FS_FILES_MAX || files->entries_bytes > MK_FS_ENTRIES_BYTES || files->names_bytes > MK_FS_NAMES_BYTES) return 0;
  for (uint32_t i = 0; i < files->count; i++) {
    const struct mk_fs_file *const row = &files->rows[i];
    if (row->entry > files->entries_bytes || files->entries_bytes - row->entry < MK_FS_ENTRY_BYTES || row->at > arena_bytes) return 0;
    const uint8_t *const entry = files->entries + row->entry;
    const struct said said = said_of(entry);
    if (entry[0] != MK_FS_FILE_TYPE || said.mode > 07777 || said.size > arena_bytes - row->at || said.size > UINT32_MAX) return 0;
    if (name_bytes(files->names, files->names_bytes, row->name) == 0) return 0;
  }
  return 1;
}

/* What files are made with. */
struct making {
  const uint8_t *arena;
  struct mk_fs_files *files;
  int owned;
  /* Of the last file that had the right owner and mode when it was made, if any. */
  int known;
  struct said right;
};

/* Sets owner and mode where they are not right; chown takes set-id bits away: it comes first. Returns 1 if both were right, 0, or -errno. */
static int32_t set_owner_and_mode(int fd, const struct said *said, int owned)
{
  struct stat is;
  if (fstat(fd, &is) < 0) return -errno;
  const int owner = !owned || (is.st_uid == said->uid && is.st_gid == said->gid);
  const int mode = (is.st_mode & 07777) == said->mode;
  if (!owner && fchown(fd, said->uid, said->gid) < 0) return -errno;
  if (!mode && fchmod(fd, said->mode) < 0) return -errno;
  return owner && mode;
}

/*
 * Owner, mode and time of a file that is open for writing and has its bytes; 0 or an errno. What the kernel gives to one file, it gives to another that is made
 * in the same directory with the same owner and mode: nobody but this process has access to where they are, and no other thread of it changes the umask.
 */
static int32_t set_metadata(int fd, const struct said *said, struct making *making)
{
  const struct said *const right = &making->right;
  const int is_alike = making->known && right->mode == said->mode && right->uid == said->uid && right->gid == said->gid;
  if (!is_alike) {
    const int32_t was_right = set_owner_and_mode(fd, said, making->owned);
    if (was_right < 0) return -was_right;
    if (was_right) {
      making->known = 1;
      making->right = *said;
    }
  }
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = said->seconds, .tv_nsec = (long)said->nanoseconds}};
  return futimens(fd, times) < 0 ? errno : 0;
}

static int32_t fail(struct mk_fs_file *row, uint32_t step, int32_t error)
{
  row->step = step;
  row->error = error;
  return error;
}

static int32_t make_file(struct making *making, uint32_t i)
{
  struct mk_fs_files *const files = making->files;
  struct mk_fs_file *const row = &files->rows[i];
  const struct said said = said_of(files->entries + row->entry);
  const uint8_t *const bytes = making->arena + row->at;
  /* In a directory to which only this process has access; set-id bits come with the metadata. */
  const int32_t fd = fs_open_name(files->directory, files->names + row->name, MK_FS_OPEN_CREATE, said.mode & 0777);
  if (fd < 0) return fail(row, MK_FS_MAKE_CREATE, -fd);
  const int64_t written = mk_fs_write(fd, bytes, said.size, 0);
  const int32_t error = written < 0 ? 0 : set_metadata(fd, &said, making);
  /* Some file systems tell only now that there was no room. */
  const int32_t closed = close(fd) < 0 && errno != EINTR ? errno : 0;
  if (written < 0) return fail(row, MK_FS_MAKE_WRITE, (int32_t)-written);
  if (error != 0) return fail(row, MK_FS_MAKE_METADATA, error);
  if (closed != 0) return fail(row, MK_FS_MAKE_WRITE, closed);
  mk_xxh3_128(bytes, (uint32_t)said.size, 0, files->digests[i]);
  return 0;
}

int32_t mk_fs_make_files(const uint8_t *arena, uint64_t arena_bytes, uint32_t owned, struct mk_fs_files *files)
{
  if (!are_sound(arena_bytes, files)) return -EINVAL;
  struct making making = {.arena = arena, .files = files, .owned = owned != 0};
  for (uint32_t i = 0; i < files->count; i++) {
    files->rows[i].error = 0;
    if (make_file(&making, i) != 0) return (int32_t)i;
  }
  return (int32_t)files->count;
}

static int64_t ns_of(struct timespec time)
{
  /* Unsigned: a file system may claim any time, and an overflow must not be undefined. */
  return (int64_t)((uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec);
}

/* Whether this is the file that the entry tells of. */
static int is_that(const struct stat *is, const struct said *said)
{
  return S_ISREG(is->st_mode) && (uint64_t)is->st_size == said->size && is->st_mtim.tv_sec == said->seconds &&
         is->st_mtim.tv_nsec == (long)said->nanoseconds;
}

/* Files that changed at these times or later are asked whether they are at rest, or are read when what is written is written. */
struct ages {
  int64_t young_ns;
  int64_t fresh_ns;
  /* The last fresh file's file system, and whether there is anything to wait for on it: most often it is that of all. */
  dev_t device;
  enum { UNKNOWN, WAITS, TELLS_NOTHING } kind;
};

/* As mk_fs_await_writes, which would ask for the kind of the file system each time. */
static void await_writes(int fd, dev_t device, struct ages *ages)
{
  if (ages->kind == UNKNOWN || ages->device != device) ages->kind = fs_has_kernel_times(fd) ? WAITS : TELLS_NOTHING;
  ages->device = device;
  if (ages->kind == WAITS) (void)lseek(fd, 0, SEEK_DATA);
}

/* Reads an open file, which must be what is said of it before and after; sets error or changed if it is not. Returns the bytes read. */
static uint64_t read_open(int fd, uint8_t *into, const struct said *said, struct mk_fs_file *row, struct ages *ages)
{
  struct stat is;
  if (fstat(fd, &is) < 0) {
    row->error = errno;
    return 0;
  }
  row->changed = !is_that(&is, said);
  if (row->changed) return 0;
  row->changed_ns = ns_of(is.st_ctim);
  row->fresh = row->changed_ns >= ages->fresh_ns || ns_of(is.st_mtim) >= ages->fresh_ns;
  if (row->changed_ns >= ages->young_ns) row->at_rest = mk_fs_at_rest(fd) == 1;
  else if (row->changed_ns >= ages->fresh_ns) await_writes(fd, is.st_dev, ages);
  const int64_t got = mk_fs_read(fd, into, said->size, 0);
  if (got < 0) {
    row->error = (int32_t)-got;
    return 0;
  }
  /* Before the last look: on tmpfs a hole that is being made has no time yet. */
  if (row->at_rest) row->at_rest = mk_fs_at_rest(fd) == 1;
  if (fstat(fd, &is) < 0) row->error = errno;
  else row->changed = (uint64_t)got < said->size || !is_that(&is, said) || ns_of(is.st_ctim) != row->changed_ns;
  return (uint64_t)got;
}

static void read_file(uint8_t *arena, struct mk_fs_files *files, uint32_t i, struct ages *ages)
{
  struct mk_fs_file *const row = &files->rows[i];
  const struct said said = said_of(files->entries + row->entry);
  const char *const name = files->names + row->name;
  row->changed_ns = 0;
  row->error = 0;
  row->changed = row->fresh = row->at_rest = 0;
  memset(files->digests[i], 0, sizeof files->digests[i]);
  int32_t fd = fs_open_name(files->directory, name, MK_FS_OPEN_READ_NOATIME, 0);
  if (fd == -EPERM) fd = fs_open_name(files->directory, name, MK_FS_OPEN_READ, 0);
  uint64_t got = 0;
  if (fd < 0) row->error = -fd;
  else {
    got = read_open(fd, arena + row->at, &said, row, ages);
    (void)close(fd);
  }
  if (got < said.size) memset(arena + row->at + got, 0, said.size - got);
  if (row->error == 0 && row->changed == 0) mk_xxh3_128(arena + row->at, (uint32_t)said.size, 0, files->digests[i]);
}

int32_t mk_fs_read_files(uint8_t *arena, uint64_t arena_bytes, int64_t young_ns, int64_t fresh_ns, struct mk_fs_files *files)
{
  struct ages ages = {.young_ns = young_ns, .fresh_ns = fresh_ns};
  if (!are_sound(arena_bytes, files)) return -EINVAL;
  for (uint32_t i = 0; i < files->count; i++) read_file(arena, files, i, &ages);
  return (int32_t)files->count;
}

/* How a name differs from its entry. */
static uint8_t difference(const struct stat *is, const uint8_t *entry)
{
  /* By the type on the wire; an "other" is of none. */
  static const uint32_t types[] = {0, S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFBLK, S_IFCHR};
  const uint32_t type = entry[0] < sizeof types / sizeof types[0] ? types[entry[0]] : 0;
  uint32_t found = 0;
  if ((type != S_IFREG && type != S_IFIFO) || (entry[2] & 04) != 0) found |= MK_FS_MORE;
  if ((is->st_mode & S_IFMT) != type) found |= MK_FS_OTHER_TYPE;
  else if (S_ISREG(is->st_mode) && (uint64_t)is->st_size != big_endian(entry + 24, 8)) found |= MK_FS_OTHER_SIZE;
  if ((is->st_mode & 07777) != big_endian(entry + 2, 2)) found |= MK_FS_OTHER_MODE;
  if (is->st_uid != big_endian(entry + 4, 4) || is->st_gid != big_endian(entry + 8, 4)) found |= MK_FS_OTHER_OWNER;
  if ((uint64_t)is->st_mtim.tv_sec != big_endian(entry + 12, 8) || (uint64_t)is->st_mtim.tv_nsec != big_endian(entry + 20, 4)) found |= MK_FS_OTHER_TIME;
  return (uint8_t)found;
}

int32_t mk_fs_compare(int32_t directory, const char *names, uint32_t names_bytes, const uint8_t *entries, uint32_t entries_bytes,
                      const uint32_t *at, uint32_t count, uint8_t *differs)
{
  uint32_t name = 0;
  for (uint32_t i = 0; i < count; i++) {
    const uint32_t bytes = name_bytes(names, names_bytes, name);
    if (bytes == 0 || at[i] < at[0] || at[i] - at[0] > entries_bytes || entries_bytes - (at[i] - at[0]) < MK_FS_ENTRY_BYTES) return -EINVAL;
    name += bytes + 1;
  }
  if (name != names_bytes) return -EINVAL;
  name = 0;
  for (uint32_t i = 0; i < count; i++) {
    struct stat is;
    const int32_t result = fs_look(directory, names + name, &is);
    differs[i] = result == 0 ? difference(&is, entries + (at[i] - at[0])) : result == -ENOENT ? MK_FS_MISSING : MK_FS_UNKNOWN;
    name += (uint32_t)strlen(names + name) + 1;
  }
  return (int32_t)count;
}
