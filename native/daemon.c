/* What a process does to become a daemon, and whom it tells. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <spawn.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#define LOOKUP_BYTES 65536

/* A datagram or stream socket connected to a path (abstract if it begins with '@'). */
static int32_t connect_to(const char *path, uint32_t bytes, int type)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int error;
  if (bytes == 0 || bytes >= sizeof address.sun_path) return -EINVAL;
  memcpy(address.sun_path, path, bytes);
  if (path[0] == '@') address.sun_path[0] = 0;
  const int fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  /* An abstract name has exactly its own length; a path may count its end. */
  const socklen_t length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + bytes);
  do error = connect(fd, (const struct sockaddr *)&address, length) == 0 ? 0 : errno; while (error == EINTR);
  if (error == 0) return fd;
  close(fd);
  return -error;
}

int32_t mk_syslog_open(void)
{
  static const char path[] = "/dev/log";
  int32_t fd = connect_to(path, sizeof path - 1, SOCK_DGRAM);
  if (fd == -EPROTOTYPE) fd = connect_to(path, sizeof path - 1, SOCK_STREAM);
  if (fd < 0) return fd;
  close(fd);
  /* The library writes local time, and would look for the time zone when there may be no way to it any more. */
  tzset();
  closelog();
  openlog("makuosan", LOG_PID | LOG_NDELAY, LOG_DAEMON);
  return 0;
}

void mk_syslog(uint32_t priority, const char *text)
{
  if (priority <= LOG_DEBUG) syslog((int)(LOG_DAEMON | priority), "%s", text);
}

int32_t mk_notify_open(const char *path, uint32_t bytes)
{
  return connect_to(path, bytes, SOCK_DGRAM);
}

int32_t mk_notify(int32_t fd, const char *text, uint32_t bytes)
{
  ssize_t sent;
  do sent = send(fd, text, bytes, MSG_NOSIGNAL | MSG_DONTWAIT); while (sent < 0 && errno == EINTR);
  return sent < 0 ? -errno : 0;
}

int32_t mk_chroot(const char *path)
{
  if (chdir(path) != 0) return -errno;
  /* The directory that we are in, not one that may have taken its name meanwhile. */
  if (chroot(".") != 0) return -errno;
  return chdir("/") == 0 ? 0 : -errno;
}

int32_t mk_core_dumps(uint32_t allowed)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_CORE, &limit) != 0) return -errno;
  if (allowed) limit.rlim_cur = limit.rlim_max;
  else limit = (struct rlimit){ 0, 0 };
  if (setrlimit(RLIMIT_CORE, &limit) != 0) return -errno;
  /* A change of user takes this away. */
  return !allowed || prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) == 0 ? 0 : -errno;
}

int32_t mk_groups(char *out, uint32_t bytes)
{
  struct group entry;
  struct group *found = NULL;
  char text[LOOKUP_BYTES];
  uint32_t used = 0;
  int32_t result = 0;
  setgrent();
  for (;;) {
    const int error = getgrent_r(&entry, text, sizeof text, &found);
    if (error == EINTR) continue;
    if (error != 0 || found == NULL) {
      if (error != 0 && error != ENOENT) result = -error;
      break;
    }
    const int length = snprintf(out + used, bytes - used, "%u %s", (unsigned)found->gr_gid, found->gr_name);
    if (length < 0 || (uint32_t)length >= bytes - used) {
      result = -ENOSPC;
      break;
    }
    used += (uint32_t)length + 1;
  }
  endgrent();
  return result < 0 ? result : (int32_t)used;
}

int32_t mk_null_open(void)
{
  const int fd = open("/dev/null", O_RDWR | O_CLOEXEC | O_NOCTTY);
  return fd < 0 ? -errno : fd;
}

int32_t mk_standard(int32_t fd)
{
  for (int32_t standard = 0; standard < 3; standard++) {
    int result;
    do result = dup2(fd, standard); while (result < 0 && errno == EINTR);
    if (result < 0) return -errno;
  }
  return 0;
}

int32_t mk_pipe(int32_t *ends)
{
  return pipe2(ends, O_CLOEXEC) == 0 ? 0 : -errno;
}

/* Points `table` at `count` strings that lie one after the other, and ends it; returns where the next string begins, or NULL. */
static char *point(char *at, const char *end, uint32_t count, char **table)
{
  for (uint32_t i = 0; i < count; i++) {
    char *const zero = memchr(at, 0, (size_t)(end - at));
    if (zero == NULL) return NULL;
    table[i] = at;
    at = zero + 1;
  }
  table[count] = NULL;
  return at;
}

/* Makes `table` the arguments, then the variables, each list with its end; 0 if `strings` does not hold so many. */
static int point_all(char *strings, uint32_t bytes, uint32_t arguments, uint32_t variables, char **table)
{
  const char *const end = strings + bytes;
  if (arguments == 0) return 0;
  char *const rest = point(strings, end, arguments, table);
  return rest != NULL && point(rest, end, variables, table + arguments + 1) != NULL;
}

/* The new process's descriptors, signals and session. */
static int prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attributes, int32_t ready_fd)
{
  sigset_t none, all;
  int error;
  sigemptyset(&none);
  sigfillset(&all);
  if ((error = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0)) != 0) return error;
  /* On itself, the copy does not close with exec either. */
  if ((error = posix_spawn_file_actions_adddup2(actions, ready_fd, MK_READY_FD)) != 0) return error;
  if ((error = posix_spawn_file_actions_addclosefrom_np(actions, MK_READY_FD + 1)) != 0) return error;
  if ((error = posix_spawnattr_setsigmask(attributes, &none)) != 0) return error;
  if ((error = posix_spawnattr_setsigdefault(attributes, &all)) != 0) return error;
  return posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
}

int32_t mk_spawn(char *strings, uint32_t bytes, uint32_t arguments, uint32_t variables, uint64_t *table, int32_t ready_fd)
{
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  char **const argv = (char **)(uintptr_t)table;
  char **const envp = argv + arguments + 1;
  pid_t child = 0;
  if (!point_all(strings, bytes, arguments, variables, argv)) return -EINVAL;
  int error = posix_spawn_file_actions_init(&actions);
  if (error != 0) return -error;
  error = posix_spawnattr_init(&attributes);
  if (error == 0) {
    error = prepare(&actions, &attributes, ready_fd);
    if (error == 0) error = posix_spawn(&child, "/proc/self/exe", &actions, &attributes, argv, envp);
    posix_spawnattr_destroy(&attributes);
  }
  posix_spawn_file_actions_destroy(&actions);
  return error == 0 ? child : -error;
}

int32_t mk_exec(char *strings, uint32_t bytes, uint32_t arguments, uint32_t variables, uint64_t *table)
{
  char **const argv = (char **)(uintptr_t)table;
  if (!point_all(strings, bytes, arguments, variables, argv)) return -EINVAL;
  execve("/proc/self/exe", argv, argv + arguments + 1);
  return -errno;
}

int32_t mk_wait_child(int32_t pid, uint32_t *out)
{
  int status = 0;
  pid_t result;
  do result = waitpid(pid, &status, 0); while (result < 0 && errno == EINTR);
  if (result < 0) return -errno;
  out[0] = WIFEXITED(status) ? (uint32_t)WEXITSTATUS(status) : 0;
  out[1] = WIFSIGNALED(status) ? (uint32_t)WTERMSIG(status) : 0;
  return 0;
}
