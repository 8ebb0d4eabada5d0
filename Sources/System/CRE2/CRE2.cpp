#include "CRE2.h"

#include <re2/re2.h>

#include <cstdio>
#include <cstring>
#include <mutex>
#include <new>
#include <string>
#include <unordered_map>
#include <vector>

struct cre2_regex {
  std::string text;
  RE2 pattern;
  // The number of compilations that returned this object and are not freed yet; guarded by `shared_lock`.
  size_t references = 1;
  cre2_regex(re2::StringPiece text, const RE2::Options &options)
      : text(text.data(), text.size()), pattern(text, options) {}
};

// The memory of one pattern: its program and the states that searches cache. Larger programs are rejected.
static const int64_t maximum_memory = 1 << 20;

// The patterns in use, so that equal ones are compiled and stored once. Never destroyed, since patterns may outlive it.
static std::mutex shared_lock;
static std::unordered_map<std::string, cre2_regex *> &shared() {
  static auto *patterns = new std::unordered_map<std::string, cre2_regex *>;
  return *patterns;
}

// The pattern in use with this text, with one more reference; null when there is none.
static cre2_regex *reuse(const std::string &text) {
  auto found = shared().find(text);
  if (found == shared().end()) return nullptr;
  found->second->references++;
  return found->second;
}

static RE2::Options options() {
  RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(maximum_memory);
  return options;
}

static re2::StringPiece piece(const char *text, size_t length) { return re2::StringPiece(text ? text : "", length); }

cre2_regex *cre2_compile(const char *pattern, size_t length, char *error, size_t capacity) try {
  std::string text(pattern ? pattern : "", length);
  {
    std::lock_guard<std::mutex> guard(shared_lock);
    if (cre2_regex *known = reuse(text)) return known;
  }
  // Compiled without the lock; another thread may have been faster.
  cre2_regex *regex = new cre2_regex(text, options());
  if (regex->pattern.ok()) {
    std::lock_guard<std::mutex> guard(shared_lock);
    if (cre2_regex *known = reuse(text)) {
      delete regex;
      return known;
    }
    shared().emplace(text, regex);
    return regex;
  }
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

void cre2_free(cre2_regex *regex) {
  if (!regex) return;
  {
    std::lock_guard<std::mutex> guard(shared_lock);
    if (--regex->references > 0) return;
    shared().erase(regex->text);
  }
  delete regex;
}

int cre2_program_size(const cre2_regex *regex) { return regex->pattern.ProgramSize(); }

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
