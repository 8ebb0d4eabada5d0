#include "CToml.h"

#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <string_view>
#include <toml++/toml.h>

static char *copied(const std::string &text) { return strdup(text.c_str()); }

char *ctoml_to_json(const char *text, size_t length, int *line, char **message) {
  *line = 0;
  *message = nullptr;
  try {
    auto table = toml::parse(std::string_view(text, length));
    std::ostringstream out;
    out << toml::json_formatter(table);
    return copied(out.str());
  } catch (const toml::parse_error &error) {
    *line = static_cast<int>(error.source().begin.line);
    *message = copied(std::string(error.description()));
  } catch (...) {
    *message = copied("it can't be read");
  }
  return nullptr;
}

void ctoml_free(char *text) { free(text); }
