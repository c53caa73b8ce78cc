#include "controller/deploy/ignore.h"

#include <string.h>

#include "controller/deploy/ignore_pattern.h"

void ignore_release(struct ignore *ignore) {
  if (!ignore)
    return;
  for (size_t i = 0; i < ignore->count; i++)
    ignore_pattern_release(&ignore->items[i]);
  free(ignore->items);
  *ignore = (struct ignore)IGNORE_INIT;
}

static int add_pattern(struct ignore *ignore, struct ignore_pattern *pattern, struct err *err) {
  struct ignore_pattern *items = realloc(ignore->items, (ignore->count + 1) * sizeof(*items));
  if (!items) {
    ignore_pattern_release(pattern);
    return err_no_memory(err);
  }
  ignore->items = items;
  ignore->items[ignore->count++] = *pattern;
  return 0;
}

int ignore_keep(struct ignore *ignore, const char *path, struct err *err) {
  struct ignore_pattern pattern = {.exception = true};
  if (ignore_pattern_literal(&pattern, path, err) < 0) {
    ignore_pattern_release(&pattern);
    return -1;
  }
  return add_pattern(ignore, &pattern, err);
}

/* Drops empty elements and . and resolves .. in place, as far as the text alone allows. */
static void clean_path(char *path) {
  bool rooted = *path == '/';
  char *out = path + rooted, *floor = out; /* nothing before floor can be taken back */
  for (const char *p = path; *p;) {
    size_t len = strcspn(p, "/");
    bool up = len == 2 && memcmp(p, "..", 2) == 0;
    if (up && out > floor) {
      while (out > floor && *--out != '/')
        ;
    } else if (len > 0 && !(len == 1 && *p == '.') && !(up && rooted)) {
      if (out > path + rooted)
        *out++ = '/';
      memmove(out, p, len);
      out += len;
      floor = up ? out : floor;
    }
    p += len;
    p += strspn(p, "/");
  }
  *out = '\0';
}

static char *trim(char *text) {
  static const char space[] = " \t\r\n\v\f";
  text += strspn(text, space);
  size_t len = strlen(text);
  while (len > 0 && strchr(space, text[len - 1]))
    len--;
  text[len] = '\0';
  return text;
}

static int parse_line(struct ignore *ignore, char *line, struct err *err) {
  if (*line == '#')
    return 0;
  char *text = trim(line);
  if (!*text)
    return 0;
  struct ignore_pattern pattern = {.exception = *text == '!'};
  if (pattern.exception)
    text = trim(text + 1);
  if (!*text)
    return err_set(err, ERR_INPUT, "! without a pattern");
  clean_path(text);
  if (*text == '/' && text[1])
    text++;
  else if (*text == '/' && pattern.exception)
    return err_set(err, ERR_INPUT, "! without a pattern");
  if (ignore_pattern_compile(&pattern, text, err) < 0) {
    ignore_pattern_release(&pattern);
    return -1;
  }
  return add_pattern(ignore, &pattern, err);
}

int ignore_parse(struct ignore *ignore, const char *text, size_t len, const char *name, struct err *err) {
  CLEANUP_FREE char *copy = strndup(text, len);
  if (!copy)
    return err_no_memory(err);
  char *line = copy;
  if (strncmp(line, "\xef\xbb\xbf", 3) == 0)
    line += 3;
  for (int number = 1; line; number++) {
    char *end = strchr(line, '\n');
    if (end)
      *end = '\0';
    if (parse_line(ignore, line, err) < 0)
      return err_wrap(err, "%s:%d", name, number);
    line = end ? end + 1 : NULL;
  }
  return 0;
}

bool ignore_matches(const struct ignore *ignore, const char *path, const bool *above, bool *here) {
  bool ignored = false, below;
  for (size_t i = 0; i < ignore->count; i++) {
    bool exception = ignore->items[i].exception;
    here[i] = (above && above[i]) || (ignored == exception && ignore_pattern_matches(&ignore->items[i], path, &below));
    if (here[i])
      ignored = !exception;
  }
  return ignored;
}

bool ignore_may_keep_below(const struct ignore *ignore, const char *folder) {
  bool below = false;
  for (size_t i = 0; i < ignore->count && !below; i++)
    if (ignore->items[i].exception)
      ignore_pattern_matches(&ignore->items[i], folder, &below);
  return below;
}
