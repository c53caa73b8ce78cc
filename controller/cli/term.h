/* A stream that a person may be looking at: whether it is a terminal, how wide, with colours or not. */
#ifndef TANDEM_CLI_TERM_H
#define TANDEM_CLI_TERM_H

#include <stdbool.h>
#include <stdio.h>

enum style {
  STYLE_NONE,
  STYLE_BOLD,
  STYLE_DIM,
  STYLE_RED,
  STYLE_GREEN,
  STYLE_YELLOW,
  STYLE_BLUE,
  STYLE_MAGENTA,
  STYLE_CYAN,
  STYLE_COUNT
};

struct term {
  FILE *stream;
  bool tty;   /* a terminal that can move its cursor */
  bool color; /* tty, and NO_COLOR is not set */
  int width;  /* columns; 0 when it is no terminal */
};

/* env: TERM, NO_COLOR and COLUMNS are read from it. */
struct term term_of(FILE *stream, const char *const *env);
/* The escape sequence that starts a style, and the one that ends it; "" without colours. */
const char *term_on(const struct term *t, enum style style);
const char *term_off(const struct term *t);

/* The value of NAME in a list of "NAME=value", or NULL. */
const char *environ_get(const char *const *env, const char *name);

#endif
