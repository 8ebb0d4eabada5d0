#pragma once

#include <stdint.h>

/* A thin layer over SQLite's own file system that tells what is asked of the disk. */

/* Who is told, after the real file system has done it. `name` is the file's path. */
typedef struct {
  void (*created)(void *context, const char *name);
  void (*written)(void *context, const char *name, int64_t offset, const void *bytes, int count);
  void (*truncated)(void *context, const char *name, int64_t size);
  void (*synced)(void *context, const char *name);
  void (*removed)(void *context, const char *name);
  /* The names of the files are on the disk. */
  void (*folder_synced)(void *context);
} powercut_observer;

/* Makes the layer the file system of all connections that are opened from now on. Files whose path does not begin
   with `prefix` are none of its business. One observer at a time.
   Returns 0 when that could not be done. */
int powercut_watch(const char *prefix, const powercut_observer *observer, void *context);

/* Lets all files be: those that are open are no longer told of. */
void powercut_rest(void);
