/* "Did you mean": the nearest of some words. */
#ifndef TANDEM_CLI_SUGGEST_H
#define TANDEM_CLI_SUGGEST_H

#include <stddef.h>

/* Edits (insert, delete, replace, swap of neighbours) that make b of a; words longer than 63 bytes are far from all. */
int suggest_distance(const char *a, const char *b);

struct suggest {
  const char *word;
  const char *best; /* NULL: nothing near enough */
  int distance;
};
#define SUGGEST_INIT(w)                                                                                                \
  { .word = (w) }
/* Offers one candidate; near enough is a prefix, or at most a third of the word's letters (at least one) wrong. */
void suggest_offer(struct suggest *s, const char *candidate);

#endif
