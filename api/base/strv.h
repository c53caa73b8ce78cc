/* A list of owned strings. */
#ifndef TANDEM_BASE_STRV_H
#define TANDEM_BASE_STRV_H

#include <stdbool.h>
#include <stddef.h>

#include "api/base/err.h"

struct strv {
  char **items; /* count entries; NULL while empty; not NULL-terminated */
  size_t count;
};

#define STRV_INIT {0}

/* Appends a copy. */
int strv_add(struct strv *v, const char *s, struct err *err);
/* Appends a copy unless it is there. */
int strv_add_once(struct strv *v, const char *s, struct err *err);
bool strv_has(const struct strv *v, const char *s);
void strv_sort(struct strv *v);
void strv_release(struct strv *v);
#define CLEANUP_STRV CLEANUP(strv_release)

#endif
