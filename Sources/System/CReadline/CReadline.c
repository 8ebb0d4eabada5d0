#define _GNU_SOURCE /* ppoll */

#include "CReadline.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <readline/history.h>
#include <readline/readline.h>

/* How many lines the history keeps. */
enum { maximum_history = 10000 };

static volatile sig_atomic_t is_interrupted = 0;
static volatile sig_atomic_t is_continued = 0;
static volatile sig_atomic_t ending_signal = 0;

static void note(int signal) {
  switch (signal) {
  case SIGINT: is_interrupted = 1; break;
  case SIGCONT: is_continued = 1; break;
  default: ending_signal = signal;
  }
}

static const int noted_signals[] = {SIGINT, SIGCONT, SIGTERM, SIGHUP};
enum { noted_count = sizeof noted_signals / sizeof noted_signals[0] };

int flow_readline_is_interrupted(void) { return is_interrupted || ending_signal; }
int flow_readline_ending_signal(void) { return ending_signal; }
void flow_readline_forget_interrupt(void) { is_interrupted = 0; }

/* Alt-Enter: a line end that does not hand the line over. */
static int insert_newline(int count, int key) {
  (void)count;
  (void)key;
  return rl_insert_text("\n") < 0;
}

void flow_readline_prepare(const char *name) {
  struct sigaction action = {0};
  action.sa_handler = note; /* without SA_RESTART, so that the wait ends */
  for (int index = 0; index < noted_count; index++) sigaction(noted_signals[index], &action, NULL);
  rl_catch_signals = 0;
  rl_persistent_signal_handlers = 1; /* a window changes its size while nothing is typed */
  rl_readline_name = name;
  /* Time stamps tell where an entry of several lines begins. */
  history_comment_char = '#';
  history_write_timestamps = 1;
  stifle_history(maximum_history);
  /* Without a completer Tab is a tab and no file name. */
  rl_bind_key('\t', rl_insert);
  rl_bind_keyseq("\\e\\C-m", insert_newline);
}

/* The line that is being typed. */
static int is_open = 0;
static int is_taken = 0;
static char *taken = NULL;

/* Gives the terminal back. */
static void close_line(void) {
  rl_callback_handler_remove();
  is_open = 0;
}

static void take_line(char *line) {
  close_line();
  is_taken = 1;
  taken = line;
}

/* Waits for a key; a signal that comes at any time before ends the wait. */
static int wait_for_key(int milliseconds) {
  sigset_t blocked, usual;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGWINCH);
  for (int index = 0; index < noted_count; index++) sigaddset(&blocked, noted_signals[index]);
  sigprocmask(SIG_BLOCK, &blocked, &usual);
  struct timespec time = {milliseconds / 1000, (milliseconds % 1000) * 1000000L};
  struct pollfd input = {.fd = fileno(rl_instream ? rl_instream : stdin), .events = POLLIN};
  int is_noted = is_interrupted || is_continued || ending_signal;
  errno = EINTR;
  int count = is_noted ? -1 : ppoll(&input, 1, milliseconds < 0 ? NULL : &time, &usual);
  sigprocmask(SIG_SETMASK, &usual, NULL);
  return count;
}

enum flow_readline_event flow_readline_wait(const char *prompt, int milliseconds) {
  if (!is_open) {
    rl_callback_handler_install(prompt, take_line);
    is_open = 1;
  }
  is_taken = 0;
  while (!is_taken) {
    int count = wait_for_key(milliseconds);
    if (ending_signal) {
      close_line();
      return FLOW_READLINE_END;
    }
    if (is_interrupted) {
      is_interrupted = 0;
      rl_callback_sigcleanup();
      rl_free_line_state();
      rl_replace_line("", 0);
      close_line();
      fputs("^C\n", rl_outstream);
      return FLOW_READLINE_INTERRUPT;
    }
    if (is_continued) { /* whoever had the terminal meanwhile has left it in another state */
      is_continued = 0;
      rl_deprep_terminal();
      rl_prep_terminal(1);
      rl_forced_update_display();
      continue;
    }
    if (count < 0 && errno == EINTR) {
      rl_check_signals(); /* the window has another size */
      continue;
    }
    if (count == 0) return FLOW_READLINE_TIMEOUT;
    rl_callback_read_char();
  }
  return taken ? FLOW_READLINE_LINE : FLOW_READLINE_END;
}

char *flow_readline_take(void) {
  char *line = taken;
  taken = NULL;
  return line;
}

void flow_readline_notice(const char *text, const char *prompt) {
  rl_clear_visible_line();
  fprintf(rl_outstream, "%s\n", text);
  rl_set_prompt(prompt);
  rl_on_new_line();
  rl_redisplay();
}

void flow_readline_free(char *line) { free(line); }

/* History */

static char *history_path = NULL;

void flow_readline_history(const char *path) {
  int file = open(path, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
  if (file < 0) return;
  close(file);
  history_path = strdup(path);
  if (!history_path) return;
  read_history(history_path);
  if (history_length < maximum_history) return;
  history_truncate_file(history_path, maximum_history);
}

void flow_readline_remember(const char *line) {
  if (!*line || *line == ' ') return;
  HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;
  if (last && !strcmp(last->line, line)) return;
  add_history(line);
  if (history_path) append_history(1, history_path);
}

/* Completion */

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
