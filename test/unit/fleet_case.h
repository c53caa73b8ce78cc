/* A fleet loaded from a text, for tests. Needs cmocka's includes before it. */
#ifndef TANDEM_TEST_FLEET_CASE_H
#define TANDEM_TEST_FLEET_CASE_H

#include "api/base/json.h"
#include "controller/manifest/fleet.h"
#include "scratch.h"

struct fleet_case {
  struct scratch scratch;
  struct fleet *fleet; /* NULL after a failure */
  struct err err;
  struct manifest_options options; /* environ and placements may be set before loading */
};

__attribute__((unused)) static int case_setup(void **state) {
  static const char *const none[] = {NULL};
  struct fleet_case *c = calloc(1, sizeof(*c));
  if (!c || scratch_init(&c->scratch) < 0)
    return -1;
  c->options.environ = none;
  *state = c;
  return 0;
}

__attribute__((unused)) static void case_clear(struct fleet_case *c) {
  fleet_free(c->fleet);
  c->fleet = NULL;
  err_release(&c->err);
}

__attribute__((unused)) static int case_teardown(void **state) {
  struct fleet_case *c = *state;
  case_clear(c);
  scratch_release(&c->scratch);
  free(c);
  return 0;
}

/* Writes the text as f.yaml and loads it; the project is "p". */
__attribute__((unused)) static int case_try(struct fleet_case *c, const char *text) {
  char path[128];
  const char *files[] = {path};
  case_clear(c);
  assert_int_equal(scratch_write(&c->scratch, "f.yaml", text), 0);
  snprintf(path, sizeof(path), "%s/f.yaml", c->scratch.dir);
  c->options.files = files;
  c->options.file_count = 1;
  c->options.project_name = "p";
  return manifest_load(&c->options, &c->fleet, &c->err);
}

__attribute__((unused)) static struct fleet *case_load(struct fleet_case *c, const char *text) {
  if (case_try(c, text) < 0)
    fail_msg("%s\n%s", err_text(&c->err), text);
  return c->fleet;
}

/* The message without the scratch folder before the file's name. */
__attribute__((unused)) static const char *case_message(struct fleet_case *c) {
  const char *text = err_text(&c->err), *file = strstr(text, "f.yaml:");
  return file ? file : text;
}

#endif
