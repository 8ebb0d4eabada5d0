#pragma once

#include <sqlite3.h>

/* A macro that casts, which Swift can't import: the text is copied before the call returns. */
static inline sqlite3_destructor_type flow_sqlite_transient(void) { return SQLITE_TRANSIENT; }

/* Macros of macros, which Swift can't import either. */
static const int flow_sqlite_ioerr_fsync = SQLITE_IOERR_FSYNC;
static const int flow_sqlite_ioerr_dir_fsync = SQLITE_IOERR_DIR_FSYNC;
