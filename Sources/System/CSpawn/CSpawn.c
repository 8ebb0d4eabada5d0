#define _GNU_SOURCE
#include "CSpawn.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <unistd.h>

static int set_up(posix_spawnattr_t *attributes, posix_spawn_file_actions_t *actions, const char *folder, int input,
                  int output, int errors) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  sigdelset(&all, SIGKILL);
  sigdelset(&all, SIGSTOP);
  int problem = posix_spawnattr_setflags(
      attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  if (!problem) problem = posix_spawnattr_setpgroup(attributes, 0);
  if (!problem) problem = posix_spawnattr_setsigmask(attributes, &none);
  if (!problem) problem = posix_spawnattr_setsigdefault(attributes, &all);
  if (!problem) problem = posix_spawn_file_actions_adddup2(actions, input, 0);
  if (!problem) problem = posix_spawn_file_actions_adddup2(actions, output, 1);
  if (!problem) problem = posix_spawn_file_actions_adddup2(actions, errors, 2);
  if (!problem) problem = posix_spawn_file_actions_addclosefrom_np(actions, 3);
  if (!problem) problem = posix_spawn_file_actions_addchdir_np(actions, folder);
  return problem;
}

int flow_spawn(pid_t *process, const char *path, char *const arguments[], char *const environment[],
               const char *folder, int input, int output, int errors) {
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_t actions;
  int problem = posix_spawnattr_init(&attributes);
  if (problem) return problem;
  problem = posix_spawn_file_actions_init(&actions);
  if (!problem) {
    problem = set_up(&attributes, &actions, folder, input, output, errors);
    if (!problem) problem = posix_spawn(process, path, &actions, &attributes, arguments, environment);
    posix_spawn_file_actions_destroy(&actions);
  }
  posix_spawnattr_destroy(&attributes);
  return problem;
}

int flow_process_descriptor(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }

int flow_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC); }
