// The pages of Docs/diagnostics, as they are when the program is built.
#ifndef CPAGES_H
#define CPAGES_H

#include <stddef.h>

/// The text of a page by its place in the list, not ended by a zero; null behind the last.
const char *cpages_text(size_t index, size_t *length);

/// A file of a template of `flow new`.
struct cpages_file {
  /// The name of the template; empty for the files of all templates.
  const char *template_name;
  const char *path;
  const char *contents;
  size_t length;
};

/// The files of all templates.
const struct cpages_file *cpages_template_files(size_t *count);

#endif
