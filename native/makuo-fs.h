/* The part of the ABI that is about files. The rules of makuo.h, which includes this, hold here as well. */
#ifndef MAKUO_FS_H
#define MAKUO_FS_H

#include <stdint.h>

/* ---- 13. File system ---------------------------------------------------------------------------------------------------------- */

/*
 * Names and paths are NUL-terminated bytes. A directory is named by a descriptor that the caller holds; MK_FS_OPEN_PARENT's kind is enough
 * but where said otherwise. Linux 5.8 or later is needed. Errors are those of the system call in brackets.
 */

/* How a path is opened. All but the first go through no link and never leave the directory that they start from; all are close-on-exec. */
enum mk_fs_way {
  MK_FS_OPEN_BASE = 0,        /* a directory by any path, links followed; `directory` is not looked at */
  MK_FS_OPEN_PARENT = 1,      /* a directory, to name what is in it (O_PATH) */
  MK_FS_OPEN_HANDLE = 2,      /* whatever it is, links too, for metadata (O_PATH) */
  MK_FS_OPEN_DIRECTORY = 3,   /* a directory, to list or flush it */
  MK_FS_OPEN_READ = 4,        /* a file, for reading; a FIFO does not block */
  MK_FS_OPEN_READ_NOATIME = 5, /* the same, leaving the time of access alone; -EPERM for a file of another owner */
  MK_FS_OPEN_CREATE = 6       /* a new file with mode 0600, for writing; -EEXIST if the name is taken */
};

/* Returns a descriptor, for mk_close. [openat2] */
MK_API int32_t mk_fs_open(int32_t directory, const char *path, uint32_t way);

/* Next bufferful of a directory's names as struct linux_dirent64; returns its bytes, 0 at the end. MK_FS_OPEN_DIRECTORY. [getdents64] */
MK_API int32_t mk_fs_list(int32_t directory, void *out, uint32_t bytes);

struct mk_fs_stat {
  int64_t seconds;      /* of modification */
  int64_t changed_ns;   /* of the last change of anything (ctime), nanoseconds since 1970 */
  uint64_t size;
  uint64_t mount;       /* id of the mount */
  uint64_t inode;
  uint32_t nanoseconds; /* of modification */
  uint32_t mode;        /* type and permissions, as st_mode */
  uint32_t uid;
  uint32_t gid;
  int32_t error;        /* 0, or errno with all else 0 */
  uint32_t links;       /* names that it has */
  uint64_t device;      /* of the file system, or of the subvolume where it has such */
  uint32_t locked;      /* 1 if immutable or append-only (chattr(1)): nobody can rename it or change its metadata */
  uint32_t major;       /* which device a device node is; 0 of all else */
  uint32_t minor;
  uint32_t zero;
};

/* Status of an open file; links are not followed. [statx] */
MK_API int32_t mk_fs_stat(int32_t fd, struct mk_fs_stat *out);

/*
 * Status of `count` names in a directory; `names` holds them one after the other, each with its NUL, `bytes` bytes in all. Writes one row
 * for each, failed ones included, and returns count. -EINVAL, before anything is done, if the names are not as said. [statx]
 */
MK_API int32_t mk_fs_stat_many(int32_t directory, const char *names, uint32_t bytes, uint32_t count, struct mk_fs_stat *out);

/* Writes what a link says, without NUL, cut off at `bytes`; returns its bytes. [readlinkat] */
MK_API int32_t mk_fs_read_link(int32_t directory, const char *name, void *out, uint32_t bytes);

/* Reads until `bytes` bytes are there or the file ends; returns the bytes read. [pread] */
MK_API int64_t mk_fs_read(int32_t fd, void *into, uint64_t bytes, int64_t position);

/* Writes all; returns bytes. After an error some may have been written. [pwrite] */
MK_API int64_t mk_fs_write(int32_t fd, const void *from, uint64_t bytes, int64_t position);

MK_API int32_t mk_fs_mkdir(int32_t directory, const char *name, uint32_t mode);              /* [mkdirat] */
MK_API int32_t mk_fs_symlink(const char *target, int32_t directory, const char *name);       /* [symlinkat] */
MK_API int32_t mk_fs_mkfifo(int32_t directory, const char *name);                            /* mode 0600 [mknodat] */

/* A device node with mode 0600, for root only. -EINVAL if the kernel has no such number. [mknodat] */
enum mk_fs_device { MK_FS_BLOCK = 0, MK_FS_CHARACTER = 1 };
MK_API int32_t mk_fs_mkdevice(int32_t directory, const char *name, uint32_t kind, uint32_t major, uint32_t minor);

MK_API int32_t mk_fs_unlink(int32_t directory, const char *name);                            /* [unlinkat] */
MK_API int32_t mk_fs_rmdir(int32_t directory, const char *name);                             /* [unlinkat] */

/* Renames, replacing what can be replaced; or exchanges two names. [renameat2] */
MK_API int32_t mk_fs_rename(int32_t from_directory, const char *from, int32_t to_directory, const char *to);
MK_API int32_t mk_fs_exchange(int32_t from_directory, const char *from, int32_t to_directory, const char *to);

/* Metadata of an open file of any way of opening; of a link itself. The owner first: chown takes set-id bits away. Access time stays. */
MK_API int32_t mk_fs_chown(int32_t fd, uint32_t uid, uint32_t gid);                          /* [fchownat] */
MK_API int32_t mk_fs_chmod(int32_t fd, uint32_t mode);                                       /* not for links [fchmod, fchmodat2] */
MK_API int32_t mk_fs_utime(int32_t fd, int64_t seconds, uint32_t nanoseconds);               /* [utimensat] */

/* Flushes one file or directory, or its whole file system; or only starts writing a range. Not for O_PATH. */
MK_API int32_t mk_fs_sync(int32_t fd);                                                       /* [fsync] */
MK_API int32_t mk_fs_sync_all(int32_t fd);                                                   /* [syncfs] */
MK_API int32_t mk_fs_write_back(int32_t fd, int64_t position, int64_t bytes);                /* [sync_file_range] */

/* Says that the file will be read from front to back. [posix_fadvise] */
MK_API int32_t mk_fs_sequential(int32_t fd);

struct mk_fs_space {
  uint64_t available;   /* bytes for everybody */
  uint64_t free;        /* bytes for root */
  uint64_t inodes;      /* 0: this file system does not count them */
  uint64_t inodes_free;
  uint64_t read_only;   /* 1 if mounted read only */
  uint64_t type;        /* f_type, as in <linux/magic.h> */
};

/* Space of the file system. [fstatfs] */
MK_API int32_t mk_fs_space(int32_t fd, struct mk_fs_space *out);

/* 0 if this process may make and remove names in the directory. [faccessat2] */
MK_API int32_t mk_fs_may_write(int32_t fd);

/* Locks a directory (MK_FS_OPEN_DIRECTORY) for as long as this descriptor is open; -EWOULDBLOCK if another one has it. [flock] */
MK_API int32_t mk_fs_lock(int32_t fd);

/* The clock from which the kernel takes files' times, which ticks every 1 to 10 ms; nanoseconds since 1970. [clock_gettime] */
MK_API int64_t mk_fs_now_ns(void);

/*
 * 1 if a file (MK_FS_OPEN_READ) was at rest at some moment of the call: nobody had it open for writing, a shared mapping and a write that is
 * under way included, on a file system that gives each change the time of the clock of mk_fs_now_ns, or a later one, before it makes it, or while
 * the file is still open for it. 0: somebody had, or it cannot be told. Whoever opens the file for writing at that very moment waits for the end of the call, or is told
 * EWOULDBLOCK if he did not want to wait. [fstatfs, fcntl: F_SETSIG, F_SETLEASE]
 */
MK_API int32_t mk_fs_at_rest(int32_t fd);

/*
 * Waits until the write, hole or change of the size is over that is being made to a file (MK_FS_OPEN_READ), if there is one: it may have left its
 * time long before it puts its bytes. Only on file systems of which mk_fs_at_rest can tell something; on others it does nothing. What is
 * done through mappings is not waited for. Moves the descriptor's position. [fstatfs, lseek]
 */
MK_API void mk_fs_await_writes(int32_t fd);

/*
 * ---- 13.1 Many small files of one directory in one call. Entries are those of a manifest section (src/wire/PROTOCOL.md, 10.1), and say what the files are. All
 * rows are looked at before anything is done: -EINVAL if one of them is not as said, or a name contains a slash.
 */

#define MK_FS_FILES_MAX 256u
/* Of a section, at most: its bytes, and those of all names in it with their NULs. */
#define MK_FS_ENTRIES_BYTES 262144u
#define MK_FS_NAMES_BYTES 262144u
/* Bytes of an entry before its path. */
#define MK_FS_ENTRY_BYTES 36
/* The first byte of a file's entry. */
#define MK_FS_FILE_TYPE 1

/* What failed of a file that was to be made. */
enum mk_fs_make_step { MK_FS_MAKE_CREATE = 0, MK_FS_MAKE_WRITE = 1, MK_FS_MAKE_METADATA = 2 };

struct mk_fs_file {
  uint32_t entry;       /* offset of its entry in `entries`: of a file */
  uint32_t name;        /* offset of its name in `names`, which ends in a NUL */
  uint32_t at;          /* offset of its bytes in the arena, as many as the entry says, less than 4 GiB */
  int32_t error;        /* out: 0, or an errno, which ends the call if files are made */
  union {
    uint32_t step;      /* out of a file to be made, with an error: enum mk_fs_make_step */
    uint32_t changed;   /* out of one to be read: 1 if it is not, or did not stay, a file of that size and time all the while */
  };
  uint16_t fresh;       /* out of one to be read: 1 if it changed, or says that it was modified, at `fresh_ns` or later */
  uint16_t at_rest;     /* out of one to be read: 1 if mk_fs_at_rest said so before it was read and after, between the two looks; asked only of young files */
  int64_t changed_ns;   /* out of one to be read: time of the last change of anything when it was opened; 0 if it was not, or was no such file */
};

struct mk_fs_files {
  int32_t directory;
  uint32_t count;          /* of rows */
  uint32_t entries_bytes;  /* that are used */
  uint32_t names_bytes;
  struct mk_fs_file rows[MK_FS_FILES_MAX];
  uint8_t digests[MK_FS_FILES_MAX][16];  /* out: XXH3-128 of the bytes, seed 0, canonical; of one to be read zeros unless it is good */
  uint8_t entries[MK_FS_ENTRIES_BYTES];
  char names[MK_FS_NAMES_BYTES];
};

/*
 * Makes files, each as by MK_FS_OPEN_CREATE, mk_fs_write, mk_fs_chown (if `owned`, 0 or 1), mk_fs_chmod, mk_fs_utime and mk_close; owner and mode are set
 * only where they are not right already: what one file was given when it was made, another with the same owner and mode is not asked for. Ends at the first
 * error. Returns how many were made: less than count if the row of that number has an error, which may have left the file there, incomplete.
 * [openat, pwrite, fstat, fchown, fchmod, utimensat, close]
 */
MK_API int32_t mk_fs_make_files(const uint8_t *arena, uint64_t arena_bytes, uint32_t owned, struct mk_fs_files *files);

/*
 * Reads files from front to back, each as by MK_FS_OPEN_READ_NOATIME (or MK_FS_OPEN_READ where that is not allowed), mk_fs_stat, mk_fs_read,
 * mk_fs_stat and mk_close. What cannot be read becomes zeros from there on. Of those that changed at `young_ns` or later (nanoseconds since 1970)
 * it is also said whether they were at rest; of the others, those that changed at `fresh_ns` or later are read after mk_fs_await_writes. Returns
 * count. [openat, fstat, pread, close, and those of mk_fs_at_rest and mk_fs_await_writes]
 */
MK_API int32_t mk_fs_read_files(uint8_t *arena, uint64_t arena_bytes, int64_t young_ns, int64_t fresh_ns, struct mk_fs_files *files);

/* How a name differs from what is expected of it: bits. */
enum mk_fs_differs {
  MK_FS_OTHER_TYPE = 1,
  MK_FS_OTHER_MODE = 2,
  MK_FS_OTHER_OWNER = 4,  /* uid or gid */
  MK_FS_OTHER_TIME = 8,
  MK_FS_OTHER_SIZE = 16,  /* of two files */
  MK_FS_MORE = 32,        /* of the entry: it is neither a file nor a FIFO, or has set-group-id, so that there is more to it than is compared */
  MK_FS_MISSING = 64,     /* there is no such name */
  MK_FS_UNKNOWN = 128     /* its status cannot be had for another reason */
};

/*
 * Compares names of a directory, links not followed, with entries of a manifest section (src/wire/PROTOCOL.md, 10.1). `names` holds `count` of them, one after
 * the other, each with its NUL, `names_bytes` bytes in all. `entries` are the bytes from the first of these entries on; `at` says where each starts, counted from
 * anywhere. Writes for each its enum mk_fs_differs to `differs`, and returns count. -EINVAL, before anything is done, if names or entries are not as said. [fstatat]
 */
MK_API int32_t mk_fs_compare(int32_t directory, const char *names, uint32_t names_bytes, const uint8_t *entries, uint32_t entries_bytes,
                             const uint32_t *at, uint32_t count, uint8_t *differs);

/* ---- 13.2 The entries of a manifest section (src/wire/PROTOCOL.md, 10.1), which may be anything, as columns. */

#define MK_ENTRIES_MAX 1024u

struct mk_entries {
  uint32_t starts[MK_ENTRIES_MAX + 1];         /* where entries start in the section; behind the last, where it ends */
  uint32_t name_at[MK_ENTRIES_MAX + 1];        /* where their names start in `names`; behind the last, where the next would */
  uint32_t parent_at[MK_ENTRIES_MAX];          /* where the paths of their directories start in `parents` */
  uint32_t parents_bytes;                      /* of `parents` */
  uint16_t parent_bytes[MK_ENTRIES_MAX];       /* of that path; 0: it is directly below the base */
  uint8_t sibling[MK_ENTRIES_MAX];             /* 1: in the directory of the entry before */
  uint8_t names[MK_ENTRIES_MAX * 256u];        /* the last components of all paths, each with a NUL behind it */
  uint8_t parents[MK_ENTRIES_MAX * 4095u];     /* paths of directories, each once for entries that follow one another in it */
};

/* What is wrong with a section: the first thing that is. */
enum mk_entries_fault {
  MK_ENTRIES_SHORT = 1,  /* it ends within an entry */
  MK_ENTRIES_RANGE = 2,  /* an entry breaks a rule */
  MK_ENTRIES_LONG = 3    /* it goes on behind the last entry */
};

/*
 * Reads the `count` entries of a section, which begin at offset `at` and end where it ends, and checks every rule that one section can break; with
 * `digests` (0 or 1) every file must have a digest, else none may. Returns 0, or enum mk_entries_fault, and then `out` is good for nothing. -EINVAL if the
 * arguments are not as said.
 */
MK_API int32_t mk_entries_read(const uint8_t *section, uint32_t bytes, uint32_t at, uint32_t count, uint32_t digests, struct mk_entries *out);

/* ---- 13.3 What a manifest says of a directory's names. */

/*
 * Takes all names of a directory, but `.` and `..`, out of the records of mk_fs_list, and puts them in the order of their bytes, one after the other, each with
 * its NUL. `at` has `max` words: where each of them starts, and behind the last where the next would; the rest is used. Returns how many they are; -E2BIG if there is no room
 * for them, which max / 2 names of names_bytes bytes surely have; -EINVAL if the records are none.
 */
MK_API int32_t mk_fs_sort_names(const uint8_t *records, uint32_t bytes, char *names, uint32_t names_bytes, uint32_t *at, uint32_t max);

/* What mk_fs_entries has written. */
struct mk_fs_written {
  uint32_t bytes;
  uint32_t stopped;     /* 1: it ended at a name of which more is to be said, or nothing can, and `stat` is that one's status */
  struct mk_fs_stat stat;
};

/*
 * Writes entries of a manifest section (src/wire/PROTOCOL.md, 10.1) for names of a directory whose path has `path_bytes` bytes (0: the base), one after the other, at most `room` bytes.
 * `names` holds `count` of them as mk_fs_sort_names leaves them; the first is that of the entry before, which is not written, so that all others share their directory's path with it. Ends
 * before the first name that is neither a file nor a FIFO, or cannot be an entry, or does not come behind the one before it, or has no room. Returns how many were written. -EINVAL, before
 * anything is done, if the names are not as said. [fstatat, statx]
 */
MK_API int32_t mk_fs_entries(int32_t directory, const char *names, uint32_t names_bytes, uint32_t count, uint32_t path_bytes,
                             uint8_t *out, uint32_t room, struct mk_fs_written *written);

#endif
