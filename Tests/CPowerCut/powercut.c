#include "CPowerCut.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct {
  sqlite3_file base;
  const char *name;
  /* Whether the first sync is to put the name of the file on the disk as well, as the unix VFS does it. */
  int names_folder;
  sqlite3_file *real;
} watched;

static sqlite3_vfs layer;
static sqlite3_vfs *unix_vfs;

/* What is watched, as one value that threads with other files may look at meanwhile; it is never changed. */
typedef struct {
  char *prefix;
  powercut_observer observer;
  void *context;
} watch;
static _Atomic(watch *) current;
/* Another observation has begun since: files of an earlier one are silent. */

static sqlite3_file *real(sqlite3_file *file) { return ((watched *)file)->real; }
static const char *name_of(sqlite3_file *file) { return ((watched *)file)->name; }

/* Who is to be told of a file; 0 for nobody. */
static const watch *watcher(const char *name) {
  const watch *now = current;
  return now && name && strncmp(name, now->prefix, strlen(now->prefix)) == 0 ? now : 0;
}

static int file_close(sqlite3_file *file) { return real(file)->pMethods->xClose(real(file)); }

static int file_read(sqlite3_file *file, void *to, int count, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), to, count, offset);
}

static int file_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 offset) {
  int code = real(file)->pMethods->xWrite(real(file), bytes, count, offset);
  const watch *who = watcher(name_of(file));
  if (code == SQLITE_OK && who) who->observer.written(who->context, name_of(file), offset, bytes, count);
  return code;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size) {
  int code = real(file)->pMethods->xTruncate(real(file), size);
  const watch *who = watcher(name_of(file));
  if (code == SQLITE_OK && who) who->observer.truncated(who->context, name_of(file), size);
  return code;
}

static int file_sync(sqlite3_file *file, int flags) {
  int code = real(file)->pMethods->xSync(real(file), flags);
  const watch *who = watcher(name_of(file));
  if (code != SQLITE_OK || !who) return code;
  who->observer.synced(who->context, name_of(file));
  if (((watched *)file)->names_folder) who->observer.folder_synced(who->context);
  ((watched *)file)->names_folder = 0;
  return code;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
static int file_lock(sqlite3_file *file, int level) { return real(file)->pMethods->xLock(real(file), level); }
static int file_unlock(sqlite3_file *file, int level) { return real(file)->pMethods->xUnlock(real(file), level); }
static int file_is_reserved(sqlite3_file *file, int *is) {
  return real(file)->pMethods->xCheckReservedLock(real(file), is);
}
static int file_control(sqlite3_file *file, int what, void *with) {
  return real(file)->pMethods->xFileControl(real(file), what, with);
}
static int file_sector(sqlite3_file *file) { return real(file)->pMethods->xSectorSize(real(file)); }
static int file_traits(sqlite3_file *file) { return real(file)->pMethods->xDeviceCharacteristics(real(file)); }
static int shared_map(sqlite3_file *file, int page, int size, int extend, void volatile **to) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, to);
}
static int shared_lock(sqlite3_file *file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
static void shared_barrier(sqlite3_file *file) { real(file)->pMethods->xShmBarrier(real(file)); }
static int shared_unmap(sqlite3_file *file, int remove) { return real(file)->pMethods->xShmUnmap(real(file), remove); }

/* Version 2: without memory maps, which nobody could watch. */
static const sqlite3_io_methods methods = {
    2,         file_close,       file_read,    file_write,   file_truncate,  file_sync,   file_size,
    file_lock, file_unlock,      file_is_reserved, file_control, file_sector, file_traits, shared_map,
    shared_lock, shared_barrier, shared_unmap, 0,            0,
};

static int layer_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out) {
  (void)vfs;
  const watch *who = watcher(name);
  if (!who) return unix_vfs->xOpen(unix_vfs, name, file, flags, flags_out);
  /* A database may have been created empty before, to give it its mode. */
  struct stat status;
  int is_missing = stat(name, &status) != 0;
  int is_empty = !is_missing && (flags & SQLITE_OPEN_MAIN_DB) && status.st_size == 0;
  int is_new = (flags & SQLITE_OPEN_CREATE) && (is_missing || is_empty);
  watched *made = (watched *)file;
  made->base.pMethods = 0;
  made->real = (sqlite3_file *)(made + 1);
  made->name = name;
  made->names_folder = is_new && (flags & (SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL | SQLITE_OPEN_WAL));
  int code = unix_vfs->xOpen(unix_vfs, name, made->real, flags, flags_out);
  if (code != SQLITE_OK) return code;
  made->base.pMethods = &methods;
  if (is_new) who->observer.created(who->context, name);
  return code;
}

static int layer_delete(sqlite3_vfs *vfs, const char *name, int sync_folder) {
  (void)vfs;
  int code = unix_vfs->xDelete(unix_vfs, name, sync_folder);
  const watch *who = watcher(name);
  if (code != SQLITE_OK || !who) return code;
  who->observer.removed(who->context, name);
  if (sync_folder) who->observer.folder_synced(who->context);
  return code;
}

int powercut_watch(const char *prefix, const powercut_observer *observer, void *context) {
  if (!unix_vfs) {
    unix_vfs = sqlite3_vfs_find(0);
    if (!unix_vfs) return 0;
    layer = *unix_vfs;
    layer.zName = "powercut";
    layer.pNext = 0;
    layer.szOsFile = (int)sizeof(watched) + unix_vfs->szOsFile;
    layer.xOpen = layer_open;
    layer.xDelete = layer_delete;
    if (sqlite3_vfs_register(&layer, 1) != SQLITE_OK) return 0;
  }
  watch *made = malloc(sizeof *made);
  if (!made) return 0;
  *made = (watch){strdup(prefix), *observer, context};
  /* The one before is left where it is, since another thread may look at it. */
  current = made;
  return made->prefix != 0;
}

void powercut_rest(void) { current = 0; }
