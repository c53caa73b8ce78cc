#include "controller/manifest/interpolate.h"

#include <ctype.h>
#include <string.h>

#include "api/base/buf.h"

#define NESTING_LIMIT 100
#define TEXT_LIMIT ((size_t)16 << 20)

const char *env_get_len(const struct strv *env, const char *name, size_t len) {
  for (size_t i = 0; env && i < env->count; i++)
    if (strncmp(env->items[i], name, len) == 0 && env->items[i][len] == '=')
      return env->items[i] + len + 1;
  return NULL;
}

const char *env_get(const struct strv *env, const char *name) {
  return env_get_len(env, name, strlen(name));
}

int env_put(struct strv *env, const char *name, const char *value, struct err *err) {
  size_t len = strlen(name);
  char *entry = malloc(len + strlen(value) + 2);
  if (!entry)
    return err_no_memory(err);
  memcpy(entry, name, len);
  entry[len] = '=';
  strcpy(entry + len + 1, value);
  for (size_t i = 0; i < env->count; i++) {
    if (strncmp(env->items[i], name, len) != 0 || env->items[i][len] != '=')
      continue;
    free(env->items[i]);
    env->items[i] = entry;
    return 0;
  }
  int failed = strv_add(env, entry, err);
  free(entry);
  return failed;
}

const char *variables_get(const struct variables *v, const char *name, size_t len) {
  const char *value = env_get_len(v->first, name, len);
  return value ? value : env_get_len(v->second, name, len);
}

static size_t name_length(const char *text, const char *end) {
  const char *p = text;
  if (p == end || (!isalpha((unsigned char)*p) && *p != '_'))
    return 0;
  while (p < end && (isalnum((unsigned char)*p) || *p == '_'))
    p++;
  return (size_t)(p - text);
}

/* Past the brace that closes the first one of the line at text, a brace right after another not counted; NULL if none.
 */
static const char *closing_brace(const char *text, const char *end) {
  int open = 0;
  for (const char *p = text; p < end && *p != '\n'; p++) {
    if (*p == '}' && --open == 0)
      return p + 1;
    if (*p == '{') {
      open++;
      p += p + 1 < end && p[1] != '\n';
    }
  }
  return NULL;
}

/* Past the last closing brace of the line, NULL if there is none. */
static const char *last_brace(const char *text, const char *end) {
  const char *last = NULL;
  for (const char *p = text; p < end && *p != '\n'; p++)
    if (*p == '}')
      last = p + 1;
  return last;
}

static int substitute(const char *text, const char *end, const struct variables *v, int depth, struct buf *out,
                      struct err *err);

static int put_variable(const char *name, size_t len, const struct variables *v, struct buf *out, struct err *err) {
  const char *value = variables_get(v, name, len);
  if (value)
    return buf_puts(out, value, err);
  if (!v->unset)
    return 0;
  CLEANUP_FREE char *copy = strndup(name, len);
  return copy ? strv_add_once(v->unset, copy, err) : err_no_memory(err);
}

struct expression {
  const char *name;
  size_t name_len;
  bool or_empty; /* ':' before the operator */
  char operator;
};

static int put_operated(const struct expression *e, const char *word, const struct variables *v, struct buf *out,
                        struct err *err) {
  const char *value = variables_get(v, e->name, e->name_len);
  bool present = value && (!e->or_empty || *value);
  switch (e->operator) {
  case '-':
    return buf_puts(out, present ? value : word, err);
  case '+':
    return buf_puts(out, present ? word : value ? value : "", err);
  default:
    if (present)
      return buf_puts(out, value, err);
    return err_set(err, ERR_INPUT, "required variable %.*s is missing a value%s%s", (int)e->name_len, e->name,
                   *word ? ": " : "", word);
  }
}

/* text is at "${". Sets *ret_rest past the expression. */
static int put_braced(const char *text, const char *end, const struct variables *v, int depth, struct buf *out,
                      const char **ret_rest, struct err *err) {
  struct expression e = {.name = text + 2, .name_len = name_length(text + 2, end)};
  const char *at = e.name + e.name_len;
  if (e.name_len > 0 && at < end && *at == '}') {
    *ret_rest = at + 1;
    return put_variable(e.name, e.name_len, v, out, err);
  }
  e.or_empty = at < end && *at == ':';
  at += e.or_empty;
  bool operated = e.name_len > 0 && at < end && strchr("-+?", *at) && *at;
  const char *rest = operated ? closing_brace(text, end) : NULL;
  if (operated && !rest)
    rest = last_brace(at, end);
  if (!rest)
    return err_set(err, ERR_INPUT, "invalid interpolation format \"%.*s\", expected ${NAME}, ${NAME:-default} or $$",
                   (int)(end - text), text);
  e.operator = *at;
  *ret_rest = rest;
  CLEANUP_BUF struct buf word = BUF_INIT(TEXT_LIMIT);
  if (substitute(at + 1, *ret_rest - 1, v, depth + 1, &word, err) < 0)
    return -1;
  return put_operated(&e, buf_text(&word), v, out, err);
}

static int substitute(const char *text, const char *end, const struct variables *v, int depth, struct buf *out,
                      struct err *err) {
  if (depth > NESTING_LIMIT)
    return err_set(err, ERR_INPUT, "variables nested deeper than %d levels", NESTING_LIMIT);
  while (text < end) {
    const char *dollar = memchr(text, '$', (size_t)(end - text));
    const char *stop = dollar ? dollar : end;
    if (buf_append(out, text, (size_t)(stop - text), err) < 0)
      return -1;
    if (!dollar)
      return 0;
    size_t name = name_length(dollar + 1, end);
    char next = dollar + 1 < end ? dollar[1] : '\0';
    int failed = 0;
    if (next == '{') {
      failed = put_braced(dollar, end, v, depth, out, &text, err);
    } else if (name > 0) {
      failed = put_variable(dollar + 1, name, v, out, err);
      text = dollar + 1 + name;
    } else {
      failed = buf_append(out, "$", 1, err);
      text = dollar + (next == '$' ? 2 : 1);
    }
    if (failed)
      return -1;
  }
  return 0;
}

int interpolate_text(const char *text, const struct variables *v, char **ret_text, struct err *err) {
  CLEANUP_BUF struct buf out = BUF_INIT(TEXT_LIMIT);
  if (substitute(text, text + strlen(text), v, 0, &out, err) < 0)
    return -1;
  char *result = buf_steal(&out);
  if (!result)
    return err_no_memory(err);
  *ret_text = result;
  return 0;
}
