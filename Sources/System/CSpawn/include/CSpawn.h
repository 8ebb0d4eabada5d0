#pragma once

#include <sys/types.h>

/* Starts a program in a process group of its own, without a shell, with nothing of ours but the three descriptors:
   no signal mask, no ignored signals, no other open files. Returns 0 or what is wrong, as `errno` says it. */
int flow_spawn(pid_t *process, const char *path, char *const arguments[], char *const environment[],
               const char *folder, int input, int output, int errors);

/* A descriptor that can be read from when the process has ended; -1 when the system has none. */
int flow_process_descriptor(pid_t process);

/* A pipe that no other program inherits: where to read, where to write. Returns 0, or -1. */
int flow_pipe(int ends[2]);
