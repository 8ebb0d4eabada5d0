// The files of the dashboard, as they are when the program is built.
#ifndef CDASHBOARD_H
#define CDASHBOARD_H

#include <stddef.h>

/// A file by its number: its bytes, not terminated by a zero, its name and its length; null after the last one.
const char *cdashboard_file(size_t index, const char **name, size_t *length);

#endif
