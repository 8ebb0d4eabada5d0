#include "CReadline.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
  /* A signal that comes while keys are looked at interrupts no wait: it is seen a moment later. */
  rl_event_hook = drop_line;
  rl_set_keyboard_input_timeout(50000);
  rl_readline_name = name;
  stifle_history(10000);
  /* Without a completer Tab is a tab and no file name. */
  rl_bind_key('\t', rl_insert);
}

static flow_readline_completer ask_completer;
static void *completer_context;

/* How many of the first letters two words share. */
static size_t common(const char *left, const char *right) {
  size_t length = 0;
  while (left[length] && left[length] == right[length]) length++;
  return length;
}

/* The words as readline wants them: first what they share, then each, then NULL; all in memory of their own. */
static char **matches_of(char *words) {
  size_t count = 0, capacity = 16, shared = 0;
  char **matches = malloc((capacity + 2) * sizeof *matches);
  if (!matches) return NULL;
  for (char *word = strtok(words, "\n"); word; word = strtok(NULL, "\n")) {
    if (count == capacity) {
      char **larger = realloc(matches, (2 * capacity + 2) * sizeof *matches);
      if (!larger) break;
      matches = larger;
      capacity *= 2;
    }
    shared = count ? (common(word, matches[1]) < shared ? common(word, matches[1]) : shared) : strlen(word);
    matches[++count] = strdup(word);
  }
  if (!count) {
    free(matches);
    return NULL;
  }
  matches[0] = strndup(matches[1], shared);
  matches[count + 1] = NULL;
  if (count == 1) matches[1] = NULL;
  return matches;
}

static char **complete(const char *text, int start, int end) {
  (void)text;
  (void)start;
  rl_attempted_completion_over = 1; /* never file names */
  rl_sort_completion_matches = 0;   /* ours are best first */
  char *line = strndup(rl_line_buffer, (size_t)end);
  char *words = line ? ask_completer(completer_context, line) : NULL;
  free(line);
  if (!words) return NULL;
  size_t length = strlen(words);
  /* A field comes with its colon and space. */
  rl_completion_append_character = length && words[length - 1] == ' ' ? '\0' : ' ';
  char **matches = matches_of(words);
  free(words);
  return matches;
}

void flow_readline_complete(flow_readline_completer completer, void *context) {
  ask_completer = completer;
  completer_context = context;
  rl_attempted_completion_function = complete;
  rl_completer_word_break_characters = " {}(),=<>!+-*/";
  rl_bind_key('\t', rl_complete);
}

char *flow_readline_read(const char *prompt) {
  char *line = readline(prompt);
  if (line && *line && *line != ' ') add_history(line);
  return line;
}

void flow_readline_free(char *line) { free(line); }
