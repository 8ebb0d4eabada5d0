#pragma once

/// Sets the name that `.inputrc` knows the program by, and what readline may do by itself. Takes over SIGINT, SIGTERM,
/// SIGHUP and SIGCONT.
void flow_readline_prepare(const char *name);

/// Gives the words that could complete the last one of a line, each on a line of its own, in memory from `malloc`.
typedef char *(*flow_readline_completer)(void *context, const char *line);

/// Asks `completer` whenever Tab is pressed.
void flow_readline_complete(flow_readline_completer completer, void *context);

/// What waiting for a line came to.
enum flow_readline_event {
  /// A line is there, see `flow_readline_take`.
  FLOW_READLINE_LINE,
  /// ^D on an empty line, the terminal is gone, or a signal ends it.
  FLOW_READLINE_END,
  /// Nothing came in time; what was typed so far stays.
  FLOW_READLINE_TIMEOUT,
  /// ^C: what was typed is thrown away.
  FLOW_READLINE_INTERRUPT,
};

/// Shows the prompt and an empty line, unless one is being typed; waits for `milliseconds`, or, below 0, for ever.
enum flow_readline_event flow_readline_wait(const char *prompt, int milliseconds);

/// The line that was typed; free it with `flow_readline_free`.
char *flow_readline_take(void);

/// Prints a text above the line that is being typed, which stays as it is, under a new prompt.
void flow_readline_notice(const char *text, const char *prompt);

void flow_readline_free(char *line);

/// Whether ^C was pressed since that was last forgotten, or a signal ends the program.
int flow_readline_is_interrupted(void);
void flow_readline_forget_interrupt(void);

/// The signal that ends the program; 0 when there was none.
int flow_readline_ending_signal(void);

/// Reads the history of a file, and keeps it there from now on; a file that is not there is made for the user alone.
void flow_readline_history(const char *path);

/// Adds a line to the history, unless it begins with a space or repeats the last one.
void flow_readline_remember(const char *line);
