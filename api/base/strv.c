#include "api/base/strv.h"

#include <stdlib.h>
#include <string.h>

int strv_add(struct strv *v, const char *s, struct err *err) {
  char *copy = strdup(s);
  char **items = copy ? realloc(v->items, (v->count + 1) * sizeof(*items)) : NULL;
  if (!items) {
    free(copy);
    return err_no_memory(err);
  }
  v->items = items;
  v->items[v->count++] = copy;
  return 0;
}

int strv_add_once(struct strv *v, const char *s, struct err *err) {
  return strv_has(v, s) ? 0 : strv_add(v, s, err);
}

bool strv_has(const struct strv *v, const char *s) {
  for (size_t i = 0; i < v->count; i++)
    if (strcmp(v->items[i], s) == 0)
      return true;
  return false;
}

static int by_text(const void *a, const void *b) {
  return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *v) {
  if (v->count)
    qsort(v->items, v->count, sizeof(*v->items), by_text);
}

void strv_release(struct strv *v) {
  if (!v)
    return;
  for (size_t i = 0; i < v->count; i++)
    free(v->items[i]);
  free(v->items);
  *v = (struct strv)STRV_INIT;
}
