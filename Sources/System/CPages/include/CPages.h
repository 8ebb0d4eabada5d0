// The pages of Docs/diagnostics, as they are when the program is built.
#ifndef CPAGES_H
#define CPAGES_H

#include <stddef.h>

/// The text of a page by its place in the list, not ended by a zero; null behind the last.
const char *cpages_text(size_t index, size_t *length);

#endif
