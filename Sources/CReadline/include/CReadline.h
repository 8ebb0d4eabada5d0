#pragma once

/// Sets the name that `.inputrc` knows the program by, and what readline may do by itself.
void flow_readline_prepare(const char *name);

/// Gives the words that could complete the last one of a line, each on a line of its own, in memory from `malloc`.
typedef char *(*flow_readline_completer)(void *context, const char *line);

/// Asks `completer` whenever Tab is pressed.
void flow_readline_complete(flow_readline_completer completer, void *context);

/// Asks for a line and keeps it in the history. NULL at the end of the input; else free it.
char *flow_readline_read(const char *prompt);

void flow_readline_free(char *line);
