#include "CReadline.h"

#include <stdio.h>
#include <stdlib.h>

#include <readline/history.h>
#include <readline/readline.h>

void flow_readline_prepare(const char *name) {
  rl_readline_name = name;
  stifle_history(10000);
  /* Tab is not a file name here; completion by context comes from the session. */
  rl_bind_key('\t', rl_insert);
}

char *flow_readline_read(const char *prompt) {
  char *line = readline(prompt);
  if (line && *line && *line != ' ') add_history(line);
  return line;
}

void flow_readline_free(char *line) { free(line); }
