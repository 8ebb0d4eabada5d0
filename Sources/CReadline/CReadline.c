#include "CReadline.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include <readline/history.h>
#include <readline/readline.h>

static volatile sig_atomic_t is_interrupted = 0;

static void note_interrupt(int signal) {
  (void)signal;
  is_interrupted = 1;
}

/* Called when a signal has interrupted the waiting for a key: ^C throws the line away, and asks anew. */
static int drop_line(void) {
  if (!is_interrupted) return 0;
  is_interrupted = 0;
  rl_free_line_state();
  rl_replace_line("", 0);
  fputs("^C\n", rl_outstream);
  rl_on_new_line();
  rl_redisplay();
  return 0;
}

void flow_readline_prepare(const char *name) {
  struct sigaction action = {0};
  action.sa_handler = note_interrupt; /* without SA_RESTART, so that the wait ends */
  sigaction(SIGINT, &action, NULL);
  rl_catch_signals = 0;
  rl_signal_event_hook = drop_line;
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
