/*
 * Starts commands on a host of the lab and measures them there, from just before the fork to the end of the last: no shell, no nsenter in
 * the time. `launcher PID LOG` enters the namespaces of the process. Each line of the input is one measurement: words end with 0x1f, commands
 * with 0x1e; all commands of a line start at once. The answer is a line: seconds, then the exit status of each (-1 after a signal). What they print goes
 * to the file LOG there, which starts anew with each line.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COMMANDS_MAX 64
#define WORDS_MAX 256

extern char **environ;

static void fail(const char *what)
{
  perror(what);
  exit(1);
}

static double now(void)
{
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Cuts a line into commands, each a list of words that ends with NULL. */
static int parse(char *line, char *words[COMMANDS_MAX][WORDS_MAX])
{
  int commands = 0, count = 0;
  char *word = line;
  for (char *at = line; *at != '\0' && *at != '\n' && commands < COMMANDS_MAX; at++) {
    if (*at == 0x1f && count < WORDS_MAX - 1) {
      *at = '\0';
      words[commands][count++] = word;
      word = at + 1;
    } else if (*at == 0x1e) {
      words[commands++][count] = NULL;
      count = 0;
      word = at + 1;
    }
  }
  return commands;
}

static void measure(char *line, const char *log)
{
  static char *words[COMMANDS_MAX][WORDS_MAX];
  pid_t children[COMMANDS_MAX];
  int status[COMMANDS_MAX];
  posix_spawn_file_actions_t actions;
  const int commands = parse(line, words);
  const int file = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) fail(log);
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, file, 1);
  posix_spawn_file_actions_adddup2(&actions, file, 2);
  const double started = now();
  for (int i = 0; i < commands; i++) {
    if (posix_spawnp(&children[i], words[i][0], &actions, NULL, words[i], environ) != 0) fail(words[i][0]);
  }
  for (int i = 0; i < commands; i++) {
    if (waitpid(children[i], &status[i], 0) < 0) fail("waitpid");
  }
  printf("%.6f", now() - started);
  for (int i = 0; i < commands; i++) printf(" %d", WIFEXITED(status[i]) ? WEXITSTATUS(status[i]) : -1);
  putchar('\n');
  fflush(stdout);
  posix_spawn_file_actions_destroy(&actions);
  close(file);
}

int main(int count, char **arguments)
{
  if (count != 3) return 2;
  const int process = (int)syscall(SYS_pidfd_open, atoi(arguments[1]), 0);
  if (process < 0) fail("pidfd_open");
  if (setns(process, CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNS | CLONE_NEWPID) != 0) fail("setns");
  close(process);
  /* Only a child is in the new process table. */
  const pid_t child = fork();
  if (child < 0) fail("fork");
  if (child > 0) {
    int status;
    close(0);
    waitpid(child, &status, 0);
    return 0;
  }
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  char *line = NULL;
  size_t room = 0;
  while (getline(&line, &room, stdin) > 0) measure(line, arguments[2]);
  return 0;
}
