/*
 * What a tree of small files costs is system calls, and for each of them the way there and back: here one call from JavaScript does all that
 * is to be done for as many files as a block holds. No file is treated in another way than one at a time. The ABI is makuo-fs.h, section 13.1.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(sizeof(struct mk_fs_new_file) == 72, "mk_fs_new_file has a hole");
_Static_assert(sizeof(struct mk_fs_old_file) == 72, "mk_fs_old_file has a hole");

/* Bytes of the name at `name`, if it is one of a directory's: one component, not `.` or `..`; else 0. */
static uint32_t name_bytes(const char *names, uint32_t bytes, uint32_t name)
{
  if (name >= bytes) return 0;
  const char *const first = names + name;
  const char *const end = memchr(first, 0, bytes - name);
  if (end == NULL || memchr(first, '/', (size_t)(end - first)) != NULL) return 0;
  return strcmp(first, ".") == 0 || strcmp(first, "..") == 0 ? 0 : (uint32_t)(end - first);
}

/* Whether a row's extent lies in the arena, and its name is one. */
static int is_sound(uint64_t arena_bytes, uint64_t at, uint32_t bytes, const char *names, uint32_t names_bytes, uint32_t name)
{
  return at <= arena_bytes && bytes <= arena_bytes - at && name_bytes(names, names_bytes, name) > 0;
}

/* Sets owner and mode where they are not right; chown takes set-id bits away: it comes first. Returns 1 if both were right, 0, or -errno. */
static int32_t set_owner_and_mode(int fd, const struct mk_fs_new_file *row)
{
  struct stat is;
  if (fstat(fd, &is) < 0) return -errno;
  const int user = row->uid == MK_FS_OWNER_STAYS || is.st_uid == row->uid;
  const int group = row->gid == MK_FS_OWNER_STAYS || is.st_gid == row->gid;
  const int mode = (is.st_mode & 07777) == row->mode;
  if (!(user && group) && fchown(fd, row->uid, row->gid) < 0) return -errno;
  if (!mode && fchmod(fd, row->mode) < 0) return -errno;
  return user && group && mode;
}

/* Whether two files are made in one directory with the same owner and mode: what the kernel gives to the one, it gives to the other. */
static int is_alike(const struct mk_fs_new_file *a, const struct mk_fs_new_file *b)
{
  return a->directory == b->directory && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid;
}

/*
 * Owner, mode and time of a file that is open for writing and has its bytes; 0 or an errno. `*right` is the row of the last file that had the
 * right owner and mode when it was made, or NULL: nobody but this process has access to where it is, and no other thread of it changes the umask.
 */
static int32_t set_metadata(int fd, const struct mk_fs_new_file *row, const struct mk_fs_new_file **right)
{
  if (*right == NULL || !is_alike(*right, row)) {
    const int32_t was_right = set_owner_and_mode(fd, row);
    if (was_right < 0) return -was_right;
    if (was_right) *right = row;
  }
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = row->seconds, .tv_nsec = (long)row->nanoseconds}};
  return futimens(fd, times) < 0 ? errno : 0;
}

static int32_t fail(struct mk_fs_new_file *row, uint32_t step, int32_t error)
{
  row->step = step;
  row->error = error;
  return error;
}

static int32_t make_file(uint8_t *arena, const char *name, struct mk_fs_new_file *row, const struct mk_fs_new_file **right)
{
  /* In a directory to which only this process has access; set-id bits come with the metadata. */
  const int32_t fd = fs_open_name(row->directory, name, MK_FS_OPEN_CREATE, row->mode & 0777);
  if (fd < 0) return fail(row, MK_FS_MAKE_CREATE, -fd);
  const int64_t written = mk_fs_write(fd, arena + row->at, row->bytes, 0);
  const int32_t error = written < 0 ? 0 : set_metadata(fd, row, right);
  /* Some file systems tell only now that there was no room. */
  const int32_t closed = close(fd) < 0 && errno != EINTR ? errno : 0;
  if (written < 0) return fail(row, MK_FS_MAKE_WRITE, (int32_t)-written);
  if (error != 0) return fail(row, MK_FS_MAKE_METADATA, error);
  if (closed != 0) return fail(row, MK_FS_MAKE_WRITE, closed);
  mk_xxh3_128(arena + row->at, row->bytes, 0, row->digest);
  return 0;
}

int32_t mk_fs_make_files(uint8_t *arena, uint64_t arena_bytes, const char *names, uint32_t names_bytes,
                         struct mk_fs_new_file *rows, uint32_t count)
{
  for (uint32_t i = 0; i < count; i++) {
    const struct mk_fs_new_file *const row = &rows[i];
    if (!is_sound(arena_bytes, row->at, row->bytes, names, names_bytes, row->name) || row->mode > 07777) return -EINVAL;
  }
  const struct mk_fs_new_file *right = NULL;
  for (uint32_t i = 0; i < count; i++) {
    rows[i].error = 0;
    if (make_file(arena, names + rows[i].name, &rows[i], &right) != 0) return (int32_t)i;
  }
  return (int32_t)count;
}

static int64_t changed_ns(const struct stat *is)
{
  /* Unsigned: a file system may claim any time, and an overflow must not be undefined. */
  return (int64_t)((uint64_t)is->st_ctim.tv_sec * 1000000000u + (uint64_t)is->st_ctim.tv_nsec);
}

/* Whether this is the file that the row tells of. */
static int is_that(const struct stat *is, const struct mk_fs_old_file *row)
{
  return S_ISREG(is->st_mode) && (uint64_t)is->st_size == row->bytes && is->st_mtim.tv_sec == row->seconds &&
         is->st_mtim.tv_nsec == (long)row->nanoseconds;
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

/* Reads an open file, which must be what its row says before and after; sets error or changed if it is not. Returns the bytes read. */
static uint32_t read_open(int fd, uint8_t *into, struct mk_fs_old_file *row, struct ages *ages)
{
  struct stat is;
  if (fstat(fd, &is) < 0) {
    row->error = errno;
    return 0;
  }
  row->changed = !is_that(&is, row);
  if (row->changed) return 0;
  row->changed_ns = changed_ns(&is);
  if (row->changed_ns >= ages->young_ns) row->at_rest = (uint32_t)mk_fs_at_rest(fd);
  else if (row->changed_ns >= ages->fresh_ns) await_writes(fd, is.st_dev, ages);
  const int64_t got = mk_fs_read(fd, into, row->bytes, 0);
  if (got < 0) {
    row->error = (int32_t)-got;
    return 0;
  }
  /* Before the last look: on tmpfs a hole that is being made has no time yet. */
  if (row->at_rest) row->at_rest = (uint32_t)mk_fs_at_rest(fd);
  if (fstat(fd, &is) < 0) row->error = errno;
  else row->changed = (uint64_t)got < row->bytes || !is_that(&is, row) || changed_ns(&is) != row->changed_ns;
  return (uint32_t)got;
}

static void read_file(uint8_t *arena, const char *name, struct mk_fs_old_file *row, struct ages *ages)
{
  int32_t fd = fs_open_name(row->directory, name, MK_FS_OPEN_READ_NOATIME, 0);
  if (fd == -EPERM) fd = fs_open_name(row->directory, name, MK_FS_OPEN_READ, 0);
  uint32_t got = 0;
  if (fd < 0) row->error = -fd;
  else {
    got = read_open(fd, arena + row->at, row, ages);
    (void)close(fd);
  }
  if (got < row->bytes) memset(arena + row->at + got, 0, row->bytes - got);
  if (row->error == 0 && row->changed == 0) mk_xxh3_128(arena + row->at, row->bytes, 0, row->digest);
}

int32_t mk_fs_read_files(uint8_t *arena, uint64_t arena_bytes, const char *names, uint32_t names_bytes,
                         struct mk_fs_old_file *rows, uint32_t count, int64_t young_ns, int64_t fresh_ns)
{
  struct ages ages = {.young_ns = young_ns, .fresh_ns = fresh_ns};
  for (uint32_t i = 0; i < count; i++)
    if (!is_sound(arena_bytes, rows[i].at, rows[i].bytes, names, names_bytes, rows[i].name)) return -EINVAL;
  for (uint32_t i = 0; i < count; i++) {
    rows[i].changed_ns = 0;
    rows[i].error = 0;
    rows[i].changed = 0;
    rows[i].at_rest = 0;
    memset(rows[i].digest, 0, sizeof rows[i].digest);
    read_file(arena, names + rows[i].name, &rows[i], &ages);
  }
  return (int32_t)count;
}

static uint64_t big_endian(const uint8_t *from, uint32_t bytes)
{
  uint64_t value = 0;
  for (uint32_t i = 0; i < bytes; i++) value = value << 8 | from[i];
  return value;
}

/* How a name differs from its entry. */
static uint8_t difference(const struct statx *is, const uint8_t *entry)
{
  /* By the type on the wire; an "other" is of none. */
  static const uint32_t types[] = {0, S_IFREG, S_IFDIR, S_IFLNK, S_IFIFO, S_IFBLK, S_IFCHR};
  const uint32_t type = entry[0] < sizeof types / sizeof types[0] ? types[entry[0]] : 0;
  uint32_t found = 0;
  if ((type != S_IFREG && type != S_IFIFO) || (entry[2] & 04) != 0) found |= MK_FS_MORE;
  if ((is->stx_mode & S_IFMT) != type) found |= MK_FS_OTHER_TYPE;
  else if (S_ISREG(is->stx_mode) && is->stx_size != big_endian(entry + 24, 8)) found |= MK_FS_OTHER_SIZE;
  if ((is->stx_mode & 07777) != big_endian(entry + 2, 2)) found |= MK_FS_OTHER_MODE;
  if (is->stx_uid != big_endian(entry + 4, 4) || is->stx_gid != big_endian(entry + 8, 4)) found |= MK_FS_OTHER_OWNER;
  if ((uint64_t)is->stx_mtime.tv_sec != big_endian(entry + 12, 8) || is->stx_mtime.tv_nsec != big_endian(entry + 20, 4)) found |= MK_FS_OTHER_TIME;
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
    struct statx is;
    const int result = statx(directory, names + name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &is);
    differs[i] = result == 0 ? difference(&is, entries + (at[i] - at[0])) : errno == ENOENT ? MK_FS_MISSING : MK_FS_UNKNOWN;
    name += (uint32_t)strlen(names + name) + 1;
  }
  return (int32_t)count;
}
