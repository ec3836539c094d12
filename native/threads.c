/* The threads of this process, by name. */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LIST_BYTES 4096u
#define COMM_BYTES 16u
#define THREADS_MAX 256u

/* A known thread is its number, below 2^22 (PID_MAX_LIMIT), and above it how often it has been looked at. */
#define LOOK (1u << 24)
#define LOOKS_MAX 2u
#define NUMBER(word) ((word) & (LOOK - 1u))

/* What getdents64(2) writes; glibc has no name for it. */
struct entry {
  uint64_t inode;
  int64_t offset;
  uint16_t bytes;
  uint8_t type;
  char name[];
};

/* The number that a name of the list is, or 0. */
static uint32_t number_of(const char *name)
{
  uint32_t number = 0;
  for (; *name >= '0' && *name <= '9' && number < LOOK / 10u; name++) number = 10u * number + (uint32_t)(*name - '0');
  return *name == '\0' ? number : 0;
}

/* Whether a thread's name begins so. One that has ended meanwhile has none. */
static int begins(int tasks, uint32_t thread, const char *name)
{
  char path[24];
  char comm[COMM_BYTES + 1] = "";
  snprintf(path, sizeof path, "%u/comm", thread);
  const int fd = openat(tasks, path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t bytes = read(fd, comm, COMM_BYTES);
  close(fd);
  return bytes > 0 && strncmp(comm, name, strlen(name)) == 0;
}

/* How often a thread has been looked at so far. */
static uint32_t looks_at(const uint32_t *known, uint32_t thread)
{
  for (uint32_t i = 1; i <= known[0]; i++)
    if (NUMBER(known[i]) == thread) return known[i] / LOOK;
  return 0;
}

/* Looks at one thread; returns what is to be remembered of it, and counts in `got`, or stores -errno there. */
static uint32_t look_at(int tasks, uint32_t thread, uint32_t looks, const char *name, int32_t niceness, int32_t *got)
{
  if (looks >= LOOKS_MAX) return looks * LOOK | thread;
  if (!begins(tasks, thread, name)) return (looks + 1) * LOOK | thread;
  if (setpriority(PRIO_PROCESS, thread, niceness) == 0) *got += *got >= 0;
  else if (errno != ESRCH) *got = -errno;
  return LOOKS_MAX * LOOK | thread;
}

int32_t mk_nice_threads(int32_t tasks, const char *name, int32_t niceness, uint32_t *known, uint32_t room)
{
  _Alignas(struct entry) char list[LIST_BYTES];
  uint32_t now[THREADS_MAX];
  const uint32_t words = room < THREADS_MAX ? room : THREADS_MAX;
  uint32_t count = 0;
  int32_t got = 0;
  if (room == 0) return -EINVAL;
  if (lseek(tasks, 0, SEEK_SET) < 0) return -errno;
  for (;;) {
    const long bytes = syscall(SYS_getdents64, tasks, list, sizeof list);
    if (bytes < 0) return -errno;
    if (bytes == 0) break;
    for (long at = 0; at < bytes; at += ((const struct entry *)(list + at))->bytes) {
      const uint32_t thread = number_of(((const struct entry *)(list + at))->name);
      if (thread == 0) continue;
      const uint32_t word = look_at(tasks, thread, looks_at(known, thread), name, niceness, &got);
      if (count + 1 < words) now[++count] = word;
    }
  }
  known[0] = count;
  memcpy(known + 1, now + 1, count * sizeof *known);
  return got;
}
