#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "controller/cli/cli.h"
#include "controller/cli/cmd.h"
#include "controller/cli/text.h"

struct printer {
  const struct term *term;
  int columns; /* of the longest service name */
};

/* A service keeps its colour from run to run. */
static enum style style_of(const char *service) {
  static const enum style STYLES[] = {STYLE_CYAN, STYLE_YELLOW, STYLE_GREEN, STYLE_MAGENTA, STYLE_BLUE};
  unsigned sum = 0;

  for (; *service; service++)
    sum = sum * 31 + (unsigned char)*service;
  return STYLES[sum % COUNT_OF(STYLES)];
}

static void put_line(void *arg, const char *machine, const char *service, int stream, const char *line) {
  const struct printer *p = arg;
  FILE *f = p->term->stream;

  (void)machine;
  (void)stream;
  fputs(term_on(p->term, style_of(service)), f);
  text_put_padded(f, service, p->columns, 0);
  fprintf(f, " |%s ", term_off(p->term));
  text_put(f, line, -1);
  fputc('\n', f);
  if (fflush(f) != 0) { /* nobody reads any more: end as any filter does */
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
  }
}

static int columns_of(const struct fleet *fleet, const struct options *o) {
  int columns = 0;

  for (size_t i = 0; i < fleet->service_count; i++) {
    bool wanted = o->arg_count == 0;

    for (size_t a = 0; a < o->arg_count; a++)
      wanted = wanted || strcmp(o->args[a], fleet->services[i].name) == 0;
    if (wanted && text_width(fleet->services[i].name) > columns)
      columns = text_width(fleet->services[i].name);
  }
  return columns;
}

static int logs(struct cli *cli, struct err *err) {
  const struct options *o = cli->options;
  struct printer printer = {.term = &cli->out};
  const struct fleet *fleet;
  struct session *session;

  if (cli_session(cli, &session, err) < 0 || session_fleet(session, &fleet, err) < 0)
    return -1;
  printer.columns = columns_of(fleet, o);
  return session_logs(session, o->arg_count ? o->args : NULL, o->arg_count, o->follow, (int)o->tail, put_line, &printer,
                      err);
}

int cmd_logs(struct cli *cli) {
  CLEANUP_ERR struct err err = ERR_INIT;

  return logs(cli, &err) < 0 ? cli_fail(cli, &err) : CODE_DONE;
}
