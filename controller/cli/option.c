#include "controller/cli/option.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "controller/cli/suggest.h"

#define AT(field) offsetof(struct options, field)

static const struct option_row GLOBALS[] = {
    {.name = "file",
     .letter = 'f',
     .kind = OPTION_LIST,
     .argument = "FILE",
     .offset = AT(files),
     .help = "a Compose or tandem file; may be repeated, later ones win (default: tandem.yaml,\n"
             "then Compose's own names, here or in a folder above)"},
    {.name = "project-name",
     .letter = 'p',
     .kind = OPTION_TEXT,
     .argument = "NAME",
     .offset = AT(project),
     .help = "the project's name, instead of the files' own"},
    {.name = "env-file",
     .kind = OPTION_LIST,
     .argument = "FILE",
     .offset = AT(env_files),
     .help = "variables for ${...} in the files, instead of .env"},
    {.name = "profile",
     .kind = OPTION_LIST,
     .argument = "PROFILE",
     .offset = AT(profiles),
     .help = "a Compose profile to include; may be repeated"},
    {.name = "state",
     .kind = OPTION_TEXT,
     .argument = "DIR",
     .offset = AT(state_dir),
     .help = "where revisions and the journal are kept (default: $XDG_STATE_HOME/tandem;\n"
             "root: /var/lib/tandem; else ~/.local/state/tandem)"},
    {.name = "socket",
     .kind = OPTION_TEXT,
     .argument = "PATH",
     .offset = AT(socket),
     .help = "the controller's socket (planned: commands run in this process for now)"},
    {.name = "log-file",
     .kind = OPTION_TEXT,
     .argument = "FILE",
     .offset = AT(log_file),
     .help = "append the log to FILE, JSON unless --log-format text"},
    {.name = "log-level",
     .kind = OPTION_CHOICE,
     .argument = "debug|info|warn|error",
     .offset = AT(log_level),
     .help = "least level that is logged (default: info)"},
    {.name = "log-format",
     .kind = OPTION_CHOICE,
     .argument = "auto|text|json",
     .offset = AT(log_format),
     .help = "auto: one JSON object a line on stderr when stderr is no terminal, else no log;\n"
             "text and json: a log on stderr always"},
    {.name = "progress",
     .kind = OPTION_CHOICE,
     .argument = "auto|tty|plain|json|quiet",
     .offset = AT(progress),
     .help = "tty: a live display; plain: a line for what matters; json: the log's JSON lines on\n"
             "stderr; quiet: nothing. auto: tty on a terminal, else plain. Progress goes to\n"
             "stderr; where stderr carries the log, plain lines go to stdout instead"},
    {.name = "help", .letter = 'h', .kind = OPTION_FLAG, .offset = AT(help), .help = "this text"},
    {.name = "version", .kind = OPTION_FLAG, .offset = AT(version), .help = "tandem's version"},
};

struct option_set option_globals(void) {
  return (struct option_set){GLOBALS, COUNT_OF(GLOBALS)};
}

void options_release(struct options *o) {
  strv_release(&o->files);
  strv_release(&o->env_files);
  strv_release(&o->profiles);
}

/* One call of options_read(): the rows that can be meant, in the order of precedence. */
struct reader {
  const struct option_row *rows[64];
  size_t count;
  const char *whose;
};

static bool is_shadowed(const struct reader *r, const char *name) {
  for (size_t i = 0; i < r->count; i++)
    if (strcmp(r->rows[i]->name, name) == 0)
      return true;
  return false;
}

static void reader_fill(struct reader *r, const struct option_set *sets, size_t set_count) {
  for (size_t s = 0; s < set_count; s++)
    for (size_t i = 0; i < sets[s].count; i++)
      if (!is_shadowed(r, sets[s].rows[i].name) && r->count < COUNT_OF(r->rows))
        r->rows[r->count++] = &sets[s].rows[i];
}

static const struct option_row *row_of_letter(const struct reader *r, int letter) {
  for (size_t i = 0; i < r->count; i++)
    if (letter && r->rows[i]->letter == letter)
      return r->rows[i];
  return NULL;
}

enum { LONG_BASE = 256 };

static const struct option_row *row_of_value(const struct reader *r, int value) {
  if (value >= LONG_BASE)
    return (size_t)(value - LONG_BASE) < r->count ? r->rows[value - LONG_BASE] : NULL;
  return row_of_letter(r, value);
}

/* getopt's own two tables. */
static void getopt_tables(const struct reader *r, bool stop_early, char *shorts, struct option *longs) {
  *shorts++ = stop_early ? '+' : ':';
  if (stop_early)
    *shorts++ = ':';
  for (size_t i = 0; i < r->count; i++) {
    const struct option_row *row = r->rows[i];
    int has_arg = row->kind == OPTION_FLAG       ? no_argument
                  : row->kind == OPTION_OPTIONAL ? optional_argument
                                                 : required_argument;

    longs[i] = (struct option){row->name, has_arg, NULL, LONG_BASE + (int)i};
    if (row->letter && row_of_letter(r, row->letter) == row) {
      *shorts++ = row->letter;
      if (has_arg == required_argument)
        *shorts++ = ':';
    }
  }
  *shorts = '\0';
}

static bool is_choice(const char *choices, const char *value) {
  size_t len = strlen(value);

  for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
    if (len && strncmp(p, value, len) == 0 && (p[len] == '|' || p[len] == '\0'))
      return true;
  return false;
}

static int store_number(const struct option_row *row, const char *value, long *ret_number, struct err *err) {
  char *end;
  long number;

  errno = 0;
  number = strtol(value, &end, 10);
  if (end == value || *end || errno || number < row->min || number > row->max)
    return err_set(err, ERR_USAGE, "--%s needs a number from %ld to %ld, not \"%s\"", row->name, row->min, row->max,
                   value);
  *ret_number = number;
  return 0;
}

static int store(const struct option_row *row, const char *value, struct options *o, struct err *err) {
  void *at = (char *)o + row->offset;

  switch (row->kind) {
  case OPTION_FLAG:
    *(bool *)at = true;
    return 0;
  case OPTION_LIST:
    return strv_add(at, value, err);
  case OPTION_NUMBER:
    return store_number(row, value, at, err);
  case OPTION_CHOICE:
    if (!is_choice(row->argument, value))
      return err_set(err, ERR_USAGE, "--%s is one of %s, not \"%s\"", row->name, row->argument, value);
    break;
  case OPTION_OPTIONAL:
    *(bool *)((char *)o + row->flag_offset) = true;
    break;
  case OPTION_TEXT:
    if (!*value)
      return err_set(err, ERR_USAGE, "--%s needs a %s, not an empty word", row->name, row->argument);
    break;
  }
  *(const char **)at = value;
  return 0;
}

/* "plan: MESSAGE (tandem plan --help)" */
PRINTF_LIKE(3, 4)
static int refuse_with_help(const struct reader *r, struct err *err, const char *format, ...) {
  char message[256];
  va_list args;

  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  if (!r->whose)
    return err_set(err, ERR_USAGE, "%s (tandem --help)", message);
  return err_set(err, ERR_USAGE, "%s: %s (tandem %s --help)", r->whose, message, r->whose);
}

static int unknown_long(const struct reader *r, const char *word, struct err *err) {
  char name[64] = "";
  struct suggest s = SUGGEST_INIT(name);
  size_t begin_so = 0;

  snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
  for (size_t i = 0; i < r->count; i++) {
    suggest_offer(&s, r->rows[i]->name);
    begin_so += strncmp(r->rows[i]->name, name, strlen(name)) == 0;
  }
  if (begin_so > 1)
    return refuse_with_help(r, err, "--%s is more than one option: write it out", name);
  if (s.best)
    return refuse_with_help(r, err, "unknown option --%s, did you mean --%s?", name, s.best);
  return refuse_with_help(r, err, "unknown option --%s", name);
}

/* getopt has returned '?' or ':'. */
static int refuse(const struct reader *r, int result, char **argv, struct err *err) {
  const struct option_row *row = optopt ? row_of_value(r, optopt) : NULL;
  const char *word = argv[optind - 1];

  if (result == ':' && row)
    return err_set(err, ERR_USAGE, "--%s needs a value: --%s %s", row->name, row->name, row->argument);
  if (optopt >= LONG_BASE && row)
    return err_set(err, ERR_USAGE, "--%s takes no value", row->name);
  if (optopt)
    return refuse_with_help(r, err, "unknown option -%c", optopt > ' ' && optopt < 0x7f ? optopt : '?');
  return unknown_long(r, word, err);
}

int options_read(const struct option_set *sets, size_t set_count, int argc, char **argv, bool stop_early,
                 const char *whose, struct options *o, int *ret_next, struct err *err) {
  struct reader r = {.whose = whose};
  struct option longs[COUNT_OF(r.rows) + 1] = {{0}};
  char shorts[2 * COUNT_OF(r.rows) + 3];
  int result;

  reader_fill(&r, sets, set_count);
  getopt_tables(&r, stop_early, shorts, longs);
  optind = 0; /* getopt keeps its place in globals; 0 starts it afresh */
  opterr = 0;
  optopt = 0;
  while ((result = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
    const struct option_row *row = result == '?' || result == ':' ? NULL : row_of_value(&r, result);

    if (!row)
      return refuse(&r, result, argv, err);
    if (store(row, optarg, o, err) < 0)
      return -1;
    optopt = 0;
  }
  *ret_next = optind;
  return 0;
}
