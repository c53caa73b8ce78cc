/* What has changed between two bases, in words. */
#include <stdio.h>
#include <string.h>

#include "api/base/buf.h"
#include "api/base/json.h"
#include "controller/plan/basis.h"

static int add_line(struct strv *lines, struct err *err, const char *format, ...) PRINTF_LIKE(3, 4);
static int add_line(struct strv *lines, struct err *err, const char *format, ...) {
  char text[1024];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof(text), format, args);
  va_end(args);
  return strv_add(lines, text, err);
}

/* " (image, environment.LOG_LEVEL)": the fields that are not the same. */
static int put_field_names(struct buf *b, const cJSON *was, const cJSON *is, struct err *err) {
  size_t put = 0;
  for (const cJSON *f = was->child; f; f = f->next)
    if (!json_equal(f, json_get(is, f->string)) && buf_printf(b, err, "%s%s", put++ ? ", " : " (", f->string) < 0)
      return -1;
  for (const cJSON *f = is->child; f; f = f->next)
    if (!json_get(was, f->string) && buf_printf(b, err, "%s%s", put++ ? ", " : " (", f->string) < 0)
      return -1;
  return buf_puts(b, ")", err);
}

static int diff_files(const cJSON *was, const cJSON *is, struct strv *lines, struct err *err) {
  for (const cJSON *o = was ? was->child : NULL; o; o = o->next) {
    const cJSON *now = json_get(is, o->string);
    CLEANUP_BUF struct buf text = BUF_INIT(0);
    if (json_equal(o, now))
      continue;
    if (!now) {
      if (add_line(lines, err, "the files: %s is no longer there", o->string) < 0)
        return -1;
    } else if (buf_printf(&text, err, "the files: %s", o->string) < 0 || put_field_names(&text, o, now, err) < 0 ||
               strv_add(lines, buf_text(&text), err) < 0) {
      return -1;
    }
  }
  for (const cJSON *o = is ? is->child : NULL; o; o = o->next)
    if (!json_get(was, o->string) && add_line(lines, err, "the files: %s is new", o->string) < 0)
      return -1;
  return 0;
}

/* The object with that ID under another name, which the other side does not have: it was renamed. */
static const cJSON *renamed(const cJSON *object, const cJSON *from, const cJSON *to) {
  const char *id = json_str(object, "id", NULL);
  if (!id || strncmp(object->string, "container ", 10) != 0)
    return NULL;
  for (const cJSON *o = to ? to->child : NULL; o; o = o->next)
    if (!json_get(from, o->string) && strncmp(o->string, "container ", 10) == 0 &&
        strcmp(json_str(o, "id", ""), id) == 0)
      return o;
  return NULL;
}

static int diff_field(const char *machine, const char *object, const char *field, const char *was, const char *is,
                      struct strv *lines, struct err *err) {
  if (was && is && strcmp(was, is) == 0)
    return 0;
  bool state = strcmp(field, "state") == 0;
  return add_line(lines, err, "%s: %s%s%s was %s, is %s", machine, object, state ? "" : ": ", state ? "" : field,
                  was ? was : "not set", is ? is : "not set");
}

static int diff_object(const char *machine, const cJSON *was, const cJSON *is, struct strv *lines, struct err *err) {
  const char *id = json_str(was, "id", ""), *now = json_str(is, "id", "");
  if (strncmp(was->string, "container ", 10) == 0 && strcmp(id, now) != 0)
    return add_line(lines, err, "%s: %s is another one (was %s, is %s)", machine, was->string, id, now);
  for (const cJSON *f = was->child; f; f = f->next)
    if (diff_field(machine, was->string, f->string, f->valuestring, json_str(is, f->string, NULL), lines, err) < 0)
      return -1;
  for (const cJSON *f = is->child; f; f = f->next)
    if (!json_get(was, f->string) && diff_field(machine, was->string, f->string, NULL, f->valuestring, lines, err) < 0)
      return -1;
  return 0;
}

static int diff_machine(const char *name, const cJSON *was, const cJSON *is, struct strv *lines, struct err *err) {
  for (const cJSON *o = was ? was->child : NULL; o; o = o->next) {
    const cJSON *now = json_get(is, o->string);
    const cJSON *other = now ? NULL : renamed(o, was, is);
    int rc = now     ? diff_object(name, o, now, lines, err)
             : other ? add_line(lines, err, "%s: %s was renamed to %s", name, o->string, other->string + 10)
                     : add_line(lines, err, "%s: %s is gone", name, o->string);
    if (rc < 0)
      return -1;
  }
  for (const cJSON *o = is ? is->child : NULL; o; o = o->next)
    if (!json_get(was, o->string) && !renamed(o, is, was) && add_line(lines, err, "%s: %s is new", name, o->string) < 0)
      return -1;
  return 0;
}

int basis_diff(const cJSON *was, const cJSON *is, struct strv *lines, struct err *err) {
  long long before = json_int(was, "revision", 0), now = json_int(is, "revision", 0);
  const cJSON *machines = json_get(was, "engines"), *others = json_get(is, "engines");
  size_t count = lines->count;
  if (before != now && add_line(lines, err, "the revision that holds was %lld, is %lld", before, now) < 0)
    return -1;
  for (const cJSON *m = machines ? machines->child : NULL; m; m = m->next)
    if ((json_get(others, m->string) ? diff_machine(m->string, m, json_get(others, m->string), lines, err)
                                     : add_line(lines, err, "the files: machine %s is no longer there", m->string)) < 0)
      return -1;
  for (const cJSON *m = others ? others->child : NULL; m; m = m->next)
    if (!json_get(machines, m->string) && add_line(lines, err, "the files: machine %s is new", m->string) < 0)
      return -1;
  if (diff_files(json_get(was, "files"), json_get(is, "files"), lines, err) < 0)
    return -1;
  bool same = strcmp(json_str(was, "desired", ""), json_str(is, "desired", "")) == 0;
  return lines->count == count && !same ? add_line(lines, err, "the files: a detail of the desired state") : 0;
}
