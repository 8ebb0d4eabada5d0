#pragma once

/// Sets the name that `.inputrc` knows the program by, and what readline may do by itself.
void flow_readline_prepare(const char *name);

/// Asks for a line and keeps it in the history. NULL at the end of the input; else free it.
char *flow_readline_read(const char *prompt);

void flow_readline_free(char *line);
