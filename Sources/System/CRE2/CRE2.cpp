#include "CRE2.h"

#include <re2/re2.h>

#include <cstdio>
#include <cstring>
#include <new>
#include <vector>

struct cre2_regex {
  RE2 pattern;
  cre2_regex(re2::StringPiece text, const RE2::Options &options) : pattern(text, options) {}
};

// Bounds what a hostile pattern may cost.
static const int64_t maximum_memory = 4 << 20;

static RE2::Options options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(maximum_memory);
  return options;
}

static re2::StringPiece piece(const char *text, size_t length) { return re2::StringPiece(text ? text : "", length); }

cre2_regex *cre2_compile(const char *pattern, size_t length, char *error, size_t capacity) try {
  cre2_regex *regex = new cre2_regex(piece(pattern, length), options());
  if (regex->pattern.ok()) return regex;
  if (error && capacity > 0) {
    std::strncpy(error, regex->pattern.error().c_str(), capacity - 1);
    error[capacity - 1] = 0;
  }
  delete regex;
  return nullptr;
} catch (...) {
  if (error && capacity > 0) error[0] = 0;
  return nullptr;
}

void cre2_free(cre2_regex *regex) { delete regex; }

int cre2_group_count(const cre2_regex *regex) { return regex->pattern.NumberOfCapturingGroups(); }

bool cre2_search(const cre2_regex *regex, const char *text, size_t length) try {
  return regex->pattern.Match(piece(text, length), 0, length, RE2::UNANCHORED, nullptr, 0);
} catch (...) {
  return false;
}

bool cre2_find(
    const cre2_regex *regex, const char *text, size_t length, size_t start, ptrdiff_t *bounds, int count) try {
  re2::StringPiece whole = piece(text, length);
  std::vector<re2::StringPiece> groups(count);
  if (start > length || !regex->pattern.Match(whole, start, length, RE2::UNANCHORED, groups.data(), count)) return false;
  for (int i = 0; i < count; i++) {
    bool took_part = groups[i].data() != nullptr;
    bounds[2 * i] = took_part ? groups[i].data() - whole.data() : -1;
    bounds[2 * i + 1] = took_part ? bounds[2 * i] + static_cast<ptrdiff_t>(groups[i].size()) : -1;
  }
  return true;
} catch (...) {
  return false;
}

ptrdiff_t cre2_index(const char *text, size_t length, const char *part, size_t part_length) {
  const void *found = memmem(text, length, part, part_length);
  return found ? static_cast<const char *>(found) - text : -1;
}

int cre2_compare(const void *left, const void *right, size_t length) { return std::memcmp(left, right, length); }

size_t cre2_print_double(char *buffer, size_t capacity, bool has_exponent, int precision, double value) {
  int length = std::snprintf(buffer, capacity, has_exponent ? "%.*e" : "%.*f", precision, value);
  return length < 0 ? 0 : static_cast<size_t>(length) < capacity ? static_cast<size_t>(length) : capacity - 1;
}
