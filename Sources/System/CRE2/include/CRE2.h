#pragma once
#include <stdbool.h>
#include <stddef.h>

// A small C face of RE2: patterns compiled once, searches in linear time; and what else CEL needs of C and Swift's
// standard library lacks. No exception leaves it.
#ifdef __cplusplus
extern "C" {
#endif

typedef struct cre2_regex cre2_regex;

// Compiles a pattern; NULL when it is wrong, with the reason in `error` (cut to `capacity`, zero-terminated).
// Equal patterns share one object, in all threads, until each was freed.
cre2_regex *_Nullable cre2_compile(const char *_Nullable pattern, size_t length, char *_Nullable error, size_t capacity);

void cre2_free(cre2_regex *_Nullable regex);

// The number of instructions that the pattern was compiled to: what compiling and searching cost grows with it.
int cre2_program_size(const cre2_regex *_Nonnull regex);

// The number of groups in parentheses.
int cre2_group_count(const cre2_regex *_Nonnull regex);

// Whether the pattern is found anywhere in the text.
bool cre2_search(const cre2_regex *_Nonnull regex, const char *_Nullable text, size_t length);

// Finds the first match at or behind `start`. `bounds` gets begin and end of the whole match and of each group,
// `2 * count` numbers, -1 for a group that took no part.
bool cre2_find(
    const cre2_regex *_Nonnull regex, const char *_Nullable text, size_t length, size_t start,
    ptrdiff_t *_Nonnull bounds, int count);

// The place of `part` in the text in linear time, -1 when it is not there.
ptrdiff_t cre2_index(const char *_Nonnull text, size_t length, const char *_Nonnull part, size_t part_length);

// memcmp.
int cre2_compare(const void *_Nonnull left, const void *_Nonnull right, size_t length);

// Prints a number with so many digits behind the point, with an exponent or without; gives the length.
size_t cre2_print_double(char *_Nonnull buffer, size_t capacity, bool has_exponent, int precision, double value);

#ifdef __cplusplus
}
#endif
