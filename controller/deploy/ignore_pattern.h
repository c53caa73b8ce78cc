/* One pattern of an ignore file, compiled: see ignore.h for what it may hold. Private to ignore. */
#ifndef TANDEM_DEPLOY_IGNORE_PATTERN_H
#define TANDEM_DEPLOY_IGNORE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "api/base/err.h"

struct token;

struct ignore_pattern {
  struct token *tokens; /* the last one is the end */
  size_t count;
  bool exception;
};

/* Fills the tokens from the cleaned text. ERR_INPUT says what is wrong. Released by the caller on failure too. */
int ignore_pattern_compile(struct ignore_pattern *pattern, const char *text, struct err *err);
/* The same of a path that stands for itself. */
int ignore_pattern_literal(struct ignore_pattern *pattern, const char *path, struct err *err);
/* Whether the pattern matches path. *ret_below: whether it could match something below path. */
bool ignore_pattern_matches(const struct ignore_pattern *pattern, const char *path, bool *ret_below);
void ignore_pattern_release(struct ignore_pattern *pattern);

#endif
