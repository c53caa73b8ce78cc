/* .dockerignore patterns, as Docker reads them: one a line; # starts a comment line; white space around is dropped;
 * a leading / is dropped and the path cleaned; ! makes an exception; the last pattern that matches decides. * and ?
 * match within a path element, [a-z] and [^a-z] a character, \ takes the next one literally, ** any number of
 * elements (without / after it, and nothing but plain text, any characters). A pattern that matches a folder matches
 * all below it.
 * Paths are relative to the context, with /, without a leading ./ */
#ifndef TANDEM_DEPLOY_IGNORE_H
#define TANDEM_DEPLOY_IGNORE_H

#include <stdbool.h>
#include <stddef.h>

#include "api/base/err.h"

struct ignore_pattern;

struct ignore {
  struct ignore_pattern *items; /* in the file's order */
  size_t count;
};

#define IGNORE_INIT                                                                                                    \
  { 0 }

/* Adds the patterns of a file's text; name is for messages. ERR_INPUT: `name:line: …`. */
int ignore_parse(struct ignore *ignore, const char *text, size_t len, const char *name, struct err *err);
/* Adds an exception for exactly this path, over all patterns so far. */
int ignore_keep(struct ignore *ignore, const char *path, struct err *err);

/* Whether path is left out. Folders are asked before what is in them: above is what the call for the folder filled
 * (NULL at the top), here is filled for those below; both have ignore->count elements. Docker remembers patterns so
 * too, with one effect to know: an exception carries from a folder to what is in it only where it was needed, where an
 * earlier pattern had left the folder out. */
bool ignore_matches(const struct ignore *ignore, const char *path, const bool *above, bool *here);
/* True when something below the (ignored) folder may be an exception. */
bool ignore_may_keep_below(const struct ignore *ignore, const char *folder);

void ignore_release(struct ignore *ignore);
#define CLEANUP_IGNORE CLEANUP(ignore_release)

#endif
