#pragma once

#include <sqlite3.h>

/* A macro that casts, which Swift can't import: the text is copied before the call returns. */
static inline sqlite3_destructor_type flow_sqlite_transient(void) { return SQLITE_TRANSIENT; }

/* A function of any number of arguments, which Swift can't call: nobody asks how much memory SQLite has, and without
   the count it needs no lock for it. Before the first connection only. */
static inline int flow_sqlite_count_no_memory(void) { return sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0); }

/* Macros of macros, which Swift can't import either. */
static const int flow_sqlite_ioerr_fsync = SQLITE_IOERR_FSYNC;
static const int flow_sqlite_ioerr_dir_fsync = SQLITE_IOERR_DIR_FSYNC;
