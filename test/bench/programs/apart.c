/*
 * How far apart the first two processors are that this process may use: prints the nanoseconds that a cache line takes from one to the other and back, 0 if
 * there is only one. On a virtual machine that changes within a run, as its host moves them, and with it whatever passes from thread to thread.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define TRIPS 200000
/* Whoever waits lets the other run from time to time: on a busy machine it may not be running at all. */
#define SPINS 100000

static _Alignas(128) atomic_int ball;

static void fail(const char *what)
{
  perror(what);
  exit(1);
}

static void stay_on(int processor)
{
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  if (sched_setaffinity(0, sizeof set, &set) < 0) fail("sched_setaffinity");
}

static void await_ball(int side)
{
  for (int spins = 1; atomic_load_explicit(&ball, memory_order_acquire) != side; spins++)
    if (spins % SPINS == 0) sched_yield();
}

static void *other_side(void *processor)
{
  stay_on(*(const int *)processor);
  for (int trip = 0; trip <= TRIPS; trip++) {
    await_ball(1);
    atomic_store_explicit(&ball, 0, memory_order_release);
  }
  return NULL;
}

static void there_and_back(void)
{
  atomic_store_explicit(&ball, 1, memory_order_release);
  await_ball(0);
}

static double seconds(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

int main(void)
{
  cpu_set_t set;
  int processors[2], count = 0;
  pthread_t thread;
  if (sched_getaffinity(0, sizeof set, &set) < 0) fail("sched_getaffinity");
  for (int processor = 0; processor < CPU_SETSIZE && count < 2; processor++)
    if (CPU_ISSET(processor, &set)) processors[count++] = processor;
  if (count < 2) {
    puts("0");
    return 0;
  }
  stay_on(processors[0]);
  if (pthread_create(&thread, NULL, other_side, &processors[1]) != 0) fail("pthread_create");
  /* The first one waits until the other side is there. */
  there_and_back();
  const double started = seconds();
  for (int trip = 0; trip < TRIPS; trip++) there_and_back();
  printf("%.0f\n", 1e9 * (seconds() - started) / TRIPS);
  return pthread_join(thread, NULL) == 0 ? 0 : 1;
}
