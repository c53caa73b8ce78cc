/* The command line's options: rows of a table, and the one reader of them all (getopt_long underneath). */
#ifndef TANDEM_CLI_OPTION_H
#define TANDEM_CLI_OPTION_H

#include <stdbool.h>
#include <stddef.h>

#include "api/base/err.h"
#include "api/base/strv.h"

/* What the options say. Strings point into argv. */
struct options {
  /* for every command */
  struct strv files, env_files, profiles;
  const char *project;
  const char *state_dir;
  const char *socket;
  const char *log_file;
  const char *log_level;
  const char *log_format;
  const char *progress;
  bool help, version;
  /* for some; which, says the command table */
  const char *format;
  const char *output;
  const char *to;
  const char *hash;
  bool has_hash;
  bool yes, no_build, detailed_exitcode, watch, follow, with_volumes;
  bool services, images, volumes, list_profiles;
  long parallelism; /* 0: the manifest's */
  long tail;        /* -1: all */
  /* what is left: the command's own words, in order */
  const char *const *args;
  size_t arg_count;
};
#define OPTIONS_INIT                                                                                                   \
  { .tail = -1 }
void options_release(struct options *o);

enum option_kind {
  OPTION_FLAG,     /* bool */
  OPTION_TEXT,     /* const char * */
  OPTION_LIST,     /* struct strv, may be repeated */
  OPTION_NUMBER,   /* long, min to max */
  OPTION_CHOICE,   /* const char *, one of argument's words between | */
  OPTION_OPTIONAL, /* const char *, --name or --name=VALUE; the bool at flag_offset says that it was there */
};

struct option_row {
  const char *name;
  char letter; /* 0: none */
  enum option_kind kind;
  const char *argument; /* as help shows it; NULL for a flag */
  size_t offset;        /* into struct options */
  const char *help;
  long min, max;
  size_t flag_offset;
};

struct option_set {
  const struct option_row *rows;
  size_t count;
};

/* The options that every command takes. */
struct option_set option_globals(void);

/* Reads argv from index 1 on. Of two rows with one name or letter, the row in the earlier set is meant. stop_early:
 * ends at the first word that is no option; else such words are moved behind the options. *ret_next: the first word
 * that is no option. whose: a command's name for messages, or NULL. ERR_USAGE with one specific line. */
int options_read(const struct option_set *sets, size_t set_count, int argc, char **argv, bool stop_early,
                 const char *whose, struct options *o, int *ret_next, struct err *err);

#endif
