#include "controller/cli/term.h"

#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static const char *const ESCAPES[STYLE_COUNT] = {
    [STYLE_NONE] = "",         [STYLE_BOLD] = "\033[1m",     [STYLE_DIM] = "\033[2m",
    [STYLE_RED] = "\033[31m",  [STYLE_GREEN] = "\033[32m",   [STYLE_YELLOW] = "\033[33m",
    [STYLE_BLUE] = "\033[34m", [STYLE_MAGENTA] = "\033[35m", [STYLE_CYAN] = "\033[36m",
};

const char *environ_get(const char *const *env, const char *name) {
  size_t len = strlen(name);

  for (; env && *env; env++)
    if (strncmp(*env, name, len) == 0 && (*env)[len] == '=')
      return *env + len + 1;
  return NULL;
}

static int width_of(int fd, const char *const *env) {
  struct winsize size;
  const char *columns = environ_get(env, "COLUMNS");
  int width = columns ? atoi(columns) : 0;

  if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
    return size.ws_col;
  return width > 0 && width < 10000 ? width : 80;
}

struct term term_of(FILE *stream, const char *const *env) {
  struct term t = {.stream = stream};
  const char *name = environ_get(env, "TERM");
  const char *no_color = environ_get(env, "NO_COLOR");
  int fd = fileno(stream);

  t.tty = fd >= 0 && isatty(fd) && name && *name && strcmp(name, "dumb") != 0;
  t.color = t.tty && !(no_color && *no_color);
  t.width = t.tty ? width_of(fd, env) : 0;
  return t;
}

const char *term_on(const struct term *t, enum style style) {
  return t->color ? ESCAPES[style] : "";
}

const char *term_off(const struct term *t) {
  return t->color ? "\033[0m" : "";
}
