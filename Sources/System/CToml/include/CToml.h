// Reads TOML with toml++ and gives it back as JSON.
#ifndef CTOML_H
#define CTOML_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The document as JSON, or null when it is no TOML; then `line` and `message` say what is wrong.
/// The caller frees what is returned, and the message, with `ctoml_free`.
char *ctoml_to_json(const char *text, size_t length, int *line, char **message);

void ctoml_free(char *text);

#ifdef __cplusplus
}
#endif

#endif
