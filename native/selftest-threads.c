/* Tests that threads get their niceness by name. */
#include "selftest.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#define ROOM 64u

static pthread_barrier_t met;

/* A thread that takes its name after it has been seen without. */
static void *late(void *number)
{
  *(pid_t *)number = gettid();
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  prctl(PR_SET_NAME, "selftest late", 0, 0, 0);
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  return NULL;
}

static int niceness_of(pid_t thread)
{
  return getpriority(PRIO_PROCESS, (id_t)thread);
}

void selftest_threads(void)
{
  uint32_t known[ROOM] = { 0 };
  uint32_t none[1] = { 0 };
  pthread_t thread;
  pid_t number = 0;
  const int own = niceness_of(0);
  const int more = own < 19 ? own + 1 : own;
  const int tasks = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  CHECK(tasks >= 0 && pthread_barrier_init(&met, NULL, 2) == 0 && pthread_create(&thread, NULL, late, &number) == 0);
  pthread_barrier_wait(&met);
  CHECK(mk_nice_threads(tasks, "selftest late", more, known, ROOM) == 0);
  CHECK(known[0] >= 2 && known[0] < ROOM && niceness_of(number) == own);
  pthread_barrier_wait(&met);
  pthread_barrier_wait(&met);
  CHECK(mk_nice_threads(tasks, "selftest l", more, none, 1) == 1 && none[0] == 0 && niceness_of(number) == more);
  CHECK(mk_nice_threads(tasks, "selftest late", more, known, ROOM) == 1 && niceness_of(number) == more);
  /* It is known now, and so is this one, by two looks. */
  CHECK(mk_nice_threads(tasks, "", more, known, ROOM) == 0);
  CHECK(niceness_of(0) == own);
  pthread_barrier_wait(&met);
  CHECK(pthread_join(thread, NULL) == 0);
  const uint32_t before = known[0];
  CHECK(mk_nice_threads(tasks, "selftest late", more, known, ROOM) == 0 && known[0] == before - 1);
  CHECK(mk_nice_threads(tasks, "selftest late", more, known, 0) == -EINVAL);
  CHECK(close(tasks) == 0 && mk_nice_threads(tasks, "selftest late", more, known, ROOM) == -EBADF);
  CHECK(pthread_barrier_destroy(&met) == 0);
}
