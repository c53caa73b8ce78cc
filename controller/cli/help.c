#include "controller/cli/help.h"

#include <string.h>

#include "controller/cli/command.h"
#include "controller/cli/exit.h"

enum { OPTION_COLUMN = 30 };

static void put_option(FILE *f, const struct option_row *row) {
  int used = fprintf(f, "  %c%c%s--%s", row->letter ? '-' : ' ', row->letter ? row->letter : ' ',
                     row->letter ? ", " : "  ", row->name);

  if (row->kind == OPTION_OPTIONAL)
    used += fprintf(f, "[=%s]", row->argument);
  else if (row->argument)
    used += fprintf(f, " %s", row->argument);
  if (used >= OPTION_COLUMN)
    used = fprintf(f, "\n") - 1;
  for (const char *line = row->help; line; used = 0) {
    size_t len = strcspn(line, "\n");

    fprintf(f, "%*s%.*s\n", OPTION_COLUMN - used, "", (int)len, line);
    line = line[len] ? line + len + 1 : NULL;
  }
}

static void put_options(FILE *f, const char *title, struct option_set set) {
  fprintf(f, "\n%s\n", title);
  for (size_t i = 0; i < set.count; i++)
    put_option(f, &set.rows[i]);
}

static void put_commands(FILE *f) {
  size_t count;
  const struct command *table = command_table(&count);

  for (size_t i = 0; i < count; i++)
    fprintf(f, "  %-14s%s%s\n", table[i].name, table[i].run ? "" : "(planned) ", table[i].summary);
}

void help_short(FILE *f) {
  fputs("tandem deploys a Compose fleet onto several Docker Engines as one transaction.\n\n"
        "  tandem plan             what would change\n"
        "  tandem apply            change it; if anything fails, all of it is put back\n"
        "  tandem status           what runs where\n"
        "  tandem --help           everything else\n",
        f);
}

void help_full(FILE *f) {
  size_t count;
  const struct exit_row *rows = exit_rows(&count);

  fputs("usage: tandem [OPTION...] COMMAND [OPTION...] [ARGUMENT...]\n\n"
        "tandem deploys a Compose fleet onto several Docker Engines as one transaction: it plans, builds, moves,\n"
        "proves the result healthy, and otherwise puts everything back.\n\n"
        "  tandem plan             what would change\n"
        "  tandem apply            change it\n\nCommands (tandem COMMAND --help has more)\n",
        f);
  put_commands(f);
  put_options(f, "Options of every command, before or after its name", option_globals());
  fputs("\nResults go to stdout; messages, progress and the log to stderr. NO_COLOR=1 turns colours off.\n"
        "\nExit codes\n",
        f);
  for (size_t i = 0; i < count; i++)
    fprintf(f, "  %2d  %s\n", (int)rows[i].code, rows[i].meaning);
}

void help_command(FILE *f, const struct command *c) {
  fprintf(f, "usage: tandem %s%s%s%s\n\n%s%c%s.\n", c->name, c->options.count ? " [OPTION...]" : "",
          *c->synopsis ? " " : "", c->synopsis, c->run ? "" : "(planned) ",
          c->run ? c->summary[0] - ('a' <= c->summary[0] && c->summary[0] <= 'z' ? 'a' - 'A' : 0) : c->summary[0],
          c->summary + 1);
  if (*c->text)
    fprintf(f, "\n%s", c->text);
  if (c->options.count)
    put_options(f, "Options", c->options);
  if (c->run)
    fputs("\nOptions of every command, --file among them: tandem --help\n", f);
}
