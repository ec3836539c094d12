/*
 * The system calls of the disk side that Bun lacks, or has only by path. Each function is one system call, or the same one for
 * every row of a table; what to do about its answer is the caller's business. The ABI is makuo-fs.h, section 13.
 */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif
#ifndef STATX_MNT_ID
#error "kernel headers of Linux 5.8 or later are needed"
#endif

_Static_assert(sizeof(struct mk_fs_stat) == 88, "mk_fs_stat has a hole");
_Static_assert(sizeof(struct mk_fs_space) == 48, "mk_fs_space has a hole");

/* Nothing below a push may ever be reached through a link, or lie outside of the directory that the caller holds. */
#define CONFINED (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)

struct way {
  uint64_t flags;
  uint64_t mode;
  uint64_t resolve;
};

static const struct way ways[] = {
  [MK_FS_OPEN_BASE] = {O_PATH | O_DIRECTORY | O_CLOEXEC, 0, 0},
  [MK_FS_OPEN_PARENT] = {O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, CONFINED},
  [MK_FS_OPEN_HANDLE] = {O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, CONFINED},
  [MK_FS_OPEN_DIRECTORY] = {O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC, 0, CONFINED},
  [MK_FS_OPEN_READ] = {O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0, CONFINED},
  [MK_FS_OPEN_READ_NOATIME] = {O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_NOATIME | O_CLOEXEC, 0, CONFINED},
  [MK_FS_OPEN_CREATE] = {O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600, CONFINED},
};

/* The system call's own answer, or what errno says. */
static int32_t answer(long result)
{
  return result < 0 ? -errno : (int32_t)result;
}

static int32_t open_how(int directory, const char *path, struct open_how how)
{
  long fd;
  do fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
  while (fd < 0 && errno == EINTR);
  return answer(fd);
}

int32_t mk_fs_open(int32_t directory, const char *path, uint32_t way)
{
  if (way >= sizeof ways / sizeof ways[0]) return -EINVAL;
  const struct open_how how = {.flags = ways[way].flags, .mode = ways[way].mode, .resolve = ways[way].resolve};
  return open_how(way == MK_FS_OPEN_BASE ? AT_FDCWD : directory, path, how);
}

int32_t fs_open_name(int32_t directory, const char *name, uint32_t way, uint32_t mode)
{
  int fd;
  do fd = openat(directory, name, (int)ways[way].flags, (mode_t)mode);
  while (fd < 0 && errno == EINTR);
  return answer(fd);
}

int32_t mk_fs_list(int32_t directory, void *out, uint32_t bytes)
{
  return answer(syscall(SYS_getdents64, directory, out, bytes));
}

static void fill(struct mk_fs_stat *to, const struct statx *from)
{
  to->seconds = from->stx_mtime.tv_sec;
  /* Unsigned: a file system may claim any time, and an overflow must not be undefined. */
  to->changed_ns = (int64_t)((uint64_t)from->stx_ctime.tv_sec * 1000000000u + from->stx_ctime.tv_nsec);
  to->size = from->stx_size;
  to->mount = from->stx_mnt_id;
  to->inode = from->stx_ino;
  to->nanoseconds = from->stx_mtime.tv_nsec;
  to->mode = from->stx_mode;
  to->uid = from->stx_uid;
  to->gid = from->stx_gid;
  to->links = from->stx_nlink;
  to->device = makedev(from->stx_dev_major, from->stx_dev_minor);
  to->locked = (from->stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0;
  if (S_ISBLK(from->stx_mode) || S_ISCHR(from->stx_mode)) {
    to->major = from->stx_rdev_major;
    to->minor = from->stx_rdev_minor;
  }
}

/* `flags`: AT_EMPTY_PATH if the name may be empty; looking for that costs every name a little. */
static int32_t stat_one(int32_t directory, const char *name, int flags, struct mk_fs_stat *out)
{
  struct statx from;
  struct mk_fs_stat to = {0};
  const unsigned mask = STATX_BASIC_STATS | STATX_MNT_ID;
  if (statx(directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | flags, mask, &from) < 0) to.error = errno;
  else fill(&to, &from);
  memcpy(out, &to, sizeof to);
  return -to.error;
}

int32_t mk_fs_stat(int32_t fd, struct mk_fs_stat *out)
{
  return stat_one(fd, "", AT_EMPTY_PATH, out);
}

int32_t fs_stat_name(int32_t directory, const char *name, struct mk_fs_stat *out)
{
  return stat_one(directory, name, 0, out);
}

int32_t fs_look(int32_t directory, const char *name, struct stat *out)
{
  return answer(fstatat(directory, name, out, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT));
}

int32_t mk_fs_stat_many(int32_t directory, const char *names, uint32_t bytes, uint32_t count, struct mk_fs_stat *out)
{
  uint32_t at = 0;
  for (uint32_t i = 0; i < count; i++) {
    const char *end = at < bytes ? memchr(names + at, 0, bytes - at) : NULL;
    if (end == NULL || end == names + at) return -EINVAL;
    at = (uint32_t)(end - names) + 1;
  }
  if (at != bytes) return -EINVAL;
  at = 0;
  for (uint32_t i = 0; i < count; i++) {
    (void)stat_one(directory, names + at, 0, &out[i]);
    at += (uint32_t)strlen(names + at) + 1;
  }
  return (int32_t)count;
}

int32_t mk_fs_read_link(int32_t directory, const char *name, void *out, uint32_t bytes)
{
  return answer(readlinkat(directory, name, out, bytes));
}

int64_t mk_fs_read(int32_t fd, void *into, uint64_t bytes, int64_t position)
{
  uint64_t done = 0;
  while (done < bytes) {
    ssize_t n = pread(fd, (char *)into + done, bytes - done, position + (int64_t)done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -errno;
    if (n == 0) break;
    done += (uint64_t)n;
  }
  return (int64_t)done;
}

int64_t mk_fs_write(int32_t fd, const void *from, uint64_t bytes, int64_t position)
{
  uint64_t done = 0;
  while (done < bytes) {
    ssize_t n = pwrite(fd, (const char *)from + done, bytes - done, position + (int64_t)done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return -errno;
    if (n == 0) return -EIO;
    done += (uint64_t)n;
  }
  return (int64_t)done;
}

int32_t mk_fs_mkdir(int32_t directory, const char *name, uint32_t mode)
{
  return answer(mkdirat(directory, name, mode));
}

int32_t mk_fs_symlink(const char *target, int32_t directory, const char *name)
{
  return answer(symlinkat(target, directory, name));
}

int32_t mk_fs_mkfifo(int32_t directory, const char *name)
{
  return answer(mknodat(directory, name, S_IFIFO | 0600, 0));
}

int32_t mk_fs_mkdevice(int32_t directory, const char *name, uint32_t kind, uint32_t major_number, uint32_t minor_number)
{
  if (kind > MK_FS_CHARACTER) return -EINVAL;
  const mode_t type = kind == MK_FS_BLOCK ? S_IFBLK : S_IFCHR;
  return answer(mknodat(directory, name, type | 0600, makedev(major_number, minor_number)));
}

int32_t mk_fs_unlink(int32_t directory, const char *name)
{
  return answer(unlinkat(directory, name, 0));
}

int32_t mk_fs_rmdir(int32_t directory, const char *name)
{
  return answer(unlinkat(directory, name, AT_REMOVEDIR));
}

int32_t mk_fs_rename(int32_t from_directory, const char *from, int32_t to_directory, const char *to)
{
  return answer(syscall(SYS_renameat2, from_directory, from, to_directory, to, 0));
}

int32_t mk_fs_exchange(int32_t from_directory, const char *from, int32_t to_directory, const char *to)
{
  const unsigned exchange = 1u << 1; /* RENAME_EXCHANGE; some C libraries keep the name in a header that clashes */
  return answer(syscall(SYS_renameat2, from_directory, from, to_directory, to, exchange));
}

int32_t mk_fs_chown(int32_t fd, uint32_t uid, uint32_t gid)
{
  return answer(fchownat(fd, "", uid, gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
}

/* fchmod refuses O_PATH descriptors; fchmodat2 takes them from Linux 6.6 on; before that only the detour over /proc does. */
int32_t mk_fs_chmod(int32_t fd, uint32_t mode)
{
  if (fchmod(fd, mode) == 0) return 0;
  if (errno != EBADF) return -errno;
  if (syscall(SYS_fchmodat2, fd, "", mode, AT_EMPTY_PATH) == 0) return 0;
  if (errno != ENOSYS) return -errno;
  char path[sizeof "/proc/self/fd/" + 11];
  (void)snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return answer(chmod(path, mode));
}

int32_t mk_fs_utime(int32_t fd, int64_t seconds, uint32_t nanoseconds)
{
  const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = seconds, .tv_nsec = (long)nanoseconds}};
  return answer(utimensat(fd, "", times, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
}

int32_t mk_fs_sync(int32_t fd)
{
  int result;
  do result = fsync(fd);
  while (result < 0 && errno == EINTR);
  return answer(result);
}

int32_t mk_fs_sync_all(int32_t fd)
{
  return answer(syncfs(fd));
}

int32_t mk_fs_write_back(int32_t fd, int64_t position, int64_t bytes)
{
  return answer(sync_file_range(fd, position, bytes, SYNC_FILE_RANGE_WRITE));
}

int32_t mk_fs_sequential(int32_t fd)
{
  return -posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
}

int32_t mk_fs_space(int32_t fd, struct mk_fs_space *out)
{
  struct statfs from;
  int result;
  do result = fstatfs(fd, &from);
  while (result < 0 && errno == EINTR);
  if (result < 0) return -errno;
  /* Blocks are counted in fragments; f_bsize is only a hint for reading. Some file systems leave f_frsize 0. */
  const uint64_t unit = (uint64_t)(from.f_frsize != 0 ? from.f_frsize : from.f_bsize);
  const struct mk_fs_space to = {
    .available = from.f_bavail * unit,
    .free = from.f_bfree * unit,
    .inodes = from.f_files,
    .inodes_free = from.f_ffree,
    .read_only = (from.f_flags & 1) != 0, /* ST_RDONLY */
    .type = (uint64_t)from.f_type,
  };
  memcpy(out, &to, sizeof to);
  return 0;
}

int32_t mk_fs_may_write(int32_t fd)
{
  return answer(syscall(SYS_faccessat2, fd, "", W_OK | X_OK, AT_EACCESS | AT_EMPTY_PATH));
}

int32_t mk_fs_lock(int32_t fd)
{
  return answer(flock(fd, LOCK_EX | LOCK_NB));
}

/*
 * Whether times are nanoseconds of this kernel's own clock. They are set before the first byte of a write, or of a hole, or of a new size; only tmpfs
 * sets those of a hole behind it.
 */
int fs_has_kernel_times(int32_t fd)
{
  struct statfs is;
  if (fstatfs(fd, &is) < 0) return 0;
  switch ((uint64_t)is.f_type) {
    case TMPFS_MAGIC:
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC: return 1;
    default: return 0;
  }
}

/*
 * The kernel grants a lease for reading only while the inode has no writer (i_writecount), which open descriptors, shared writable mappings,
 * requests in flight and truncate(2) all are. It is given back at once. Whoever opens the file for writing in between makes the kernel send a
 * signal, by default one that ends the process: SIGURG is one that is ignored.
 */
int32_t mk_fs_at_rest(int32_t fd)
{
  if (!fs_has_kernel_times(fd) || fcntl(fd, F_SETSIG, SIGURG) < 0 || fcntl(fd, F_SETLEASE, F_RDLCK) < 0) return 0;
  (void)fcntl(fd, F_SETLEASE, F_UNLCK);
  return 1;
}

/* Looking for the first data takes the inode's lock, on these file systems, or (XFS) reading itself does; writers hold it all the while. */
void mk_fs_await_writes(int32_t fd)
{
  if (fs_has_kernel_times(fd)) (void)lseek(fd, 0, SEEK_DATA);
}

int64_t mk_fs_now_ns(void)
{
  struct timespec now;
  if (clock_gettime(CLOCK_REALTIME_COARSE, &now) < 0) return -errno;
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
