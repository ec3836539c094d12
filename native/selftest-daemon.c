/* Tests what a process does to become a daemon; what changes a process is done in one of its own. */
#include "selftest.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Runs a test in a child; it says 0, or the line that failed. */
static void in_child(int (*test)(void))
{
  int status = 0;
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) _exit(test());
  CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
  if (WEXITSTATUS(status) != 0) fprintf(stderr, "daemon: line %d in the child\n", WEXITSTATUS(status));
  CHECK(WEXITSTATUS(status) == 0);
}

#define EXPECT(condition) if (!(condition)) return __LINE__

static int forbid_core(void)
{
  struct rlimit limit;
  EXPECT(mk_core_dumps(1) == 0 && getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == limit.rlim_max);
  EXPECT(mk_core_dumps(0) == 0 && getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_cur == 0 && limit.rlim_max == 0);
  return 0;
}

static char directory[] = "/tmp/makuo-selftest-XXXXXX";

static int change_root(void)
{
  struct stat here, above;
  EXPECT(mk_chroot("/no such directory") == -ENOENT);
  const int32_t result = mk_chroot(directory);
  if (result == 0) {
    EXPECT(stat("/", &here) == 0 && stat("/..", &above) == 0 && here.st_ino == above.st_ino);
    EXPECT(access("/etc", F_OK) != 0 && access("etc", F_OK) != 0);
    return 0;
  }
  EXPECT(result == -EPERM && geteuid() != 0);
  return 0;
}

static int replace_standard(void)
{
  struct stat null, standard;
  const int32_t fd = mk_null_open();
  EXPECT(fd > 2 && fstat(fd, &null) == 0 && mk_standard(fd) == 0);
  for (int i = 0; i < 3; i++) EXPECT(fstat(i, &standard) == 0 && standard.st_rdev == null.st_rdev && fcntl(i, F_GETFD) == 0);
  EXPECT(mk_standard(1 << 20) == -EBADF);
  return 0;
}

static void selftest_sockets(void)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  char said[8] = "";
  /* Abstract: nothing is left behind. */
  const int length = snprintf(address.sun_path + 1, 60, "makuo-selftest-%d", (int)getpid());
  const socklen_t bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)length);
  char name[64] = "@";
  memcpy(name + 1, address.sun_path + 1, (size_t)length);
  CHECK(mk_notify_open(name, (uint32_t)length + 1) == -ECONNREFUSED);
  const int server = socket(AF_UNIX, SOCK_DGRAM, 0);
  CHECK(server >= 0 && bind(server, (const struct sockaddr *)&address, bytes) == 0);
  const int32_t fd = mk_notify_open(name, (uint32_t)length + 1);
  CHECK(fd >= 0 && mk_notify(fd, "READY=1", 7) == 0);
  CHECK(recv(server, said, sizeof said, 0) == 7 && memcmp(said, "READY=1", 7) == 0);
  close(server);
  CHECK(mk_notify(fd, "READY=1", 7) < 0);
  CHECK(mk_close(fd) == 0);
  CHECK(mk_notify_open("/no/such/socket", 15) == -ENOENT);
  CHECK(mk_notify_open(name, 0) == -EINVAL && mk_notify_open(name, 108) == -EINVAL);
}

static void selftest_groups(void)
{
  const uint32_t bytes = 1 << 20;
  char *const text = (char *)memory(bytes);
  const int32_t used = mk_groups(text, bytes);
  int root = 0;
  CHECK(used > 7);
  for (int32_t at = 0; at < used; at += (int32_t)strlen(text + at) + 1) root |= strcmp(text + at, "0 root") == 0;
  CHECK(root);
  CHECK(mk_groups(text, (uint32_t)used) == used && mk_groups(text, (uint32_t)used - 1) == -ENOSPC && mk_groups(text, 1) == -ENOSPC);
  free(text);
}

/* What is still needed comes back. */
static void selftest_release(void)
{
  for (int i = 0; i < 3; i++) CHECK(mk_release_program() == 0);
}

static void selftest_spawn(void)
{
  char strings[] = "selftest\0" SELFTEST_SPAWNED "\0A=1\0ASAN_OPTIONS=detect_leaks=0";
  uint64_t table[6];
  uint32_t ending[2] = { 1, 1 };
  int32_t ends[2];
  char said[16] = "";
  CHECK(mk_pipe(ends) == 0 && fcntl(ends[0], F_GETFD) == FD_CLOEXEC);
  CHECK(mk_spawn(strings, sizeof strings, 5, 0, table, ends[1]) == -EINVAL);
  CHECK(mk_spawn(strings, sizeof strings, 2, 3, table, ends[1]) == -EINVAL);
  CHECK(mk_spawn(strings, sizeof strings, 0, 0, table, ends[1]) == -EINVAL);
  const int32_t child = mk_spawn(strings, sizeof strings, 2, 2, table, ends[1]);
  CHECK(child > 0 && mk_close(ends[1]) == 0);
  CHECK(read(ends[0], said, sizeof said) == 2 && memcmp(said, "1s", 2) == 0);
  CHECK(mk_wait_child(child, ending) == 0 && ending[0] == 7 && ending[1] == 0);
  CHECK(mk_wait_child(child, ending) == -ECHILD);
  CHECK(mk_close(ends[0]) == 0);
}

static void selftest_exec(void)
{
  char strings[] = "selftest\0" SELFTEST_SPAWNED "\0A=2\0ASAN_OPTIONS=detect_leaks=0";
  uint64_t table[6];
  int32_t ends[2];
  uint32_t ending[2];
  char said[16] = "";
  CHECK(mk_exec(strings, sizeof strings, 5, 0, table) == -EINVAL);
  CHECK(mk_exec(strings, sizeof strings, 0, 0, table) == -EINVAL);
  CHECK(mk_pipe(ends) == 0);
  const pid_t child = fork();
  CHECK(child >= 0);
  if (child == 0) {
    if (ends[1] != MK_READY_FD) dup2(ends[1], MK_READY_FD);
    else fcntl(MK_READY_FD, F_SETFD, 0);
    mk_exec(strings, sizeof strings, 2, 2, table);
    _exit(1);
  }
  CHECK(mk_close(ends[1]) == 0);
  CHECK(read(ends[0], said, sizeof said) == 2 && memcmp(said, "2-", 2) == 0);
  CHECK(mk_wait_child(child, ending) == 0 && ending[0] == 7 && ending[1] == 0);
  CHECK(mk_close(ends[0]) == 0);
}

int selftest_spawned(void)
{
  const char *const variable = getenv("A");
  char said[2] = { variable == NULL ? '-' : variable[0], getsid(0) == getpid() ? 's' : '-' };
  return write(MK_READY_FD, said, sizeof said) == (ssize_t)sizeof said && environ[2] == NULL ? 7 : 1;
}

void selftest_daemon(void)
{
  in_child(forbid_core);
  CHECK(mkdtemp(directory) != NULL);
  in_child(change_root);
  CHECK(rmdir(directory) == 0);
  in_child(replace_standard);
  selftest_sockets();
  selftest_groups();
  selftest_release();
  selftest_spawn();
  selftest_exec();
  /* Whether there is a log depends on the host. */
  if (mk_syslog_open() == 0) mk_syslog(7, "selftest");
}
