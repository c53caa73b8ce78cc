/* How a plan reads, and when a saved one is still good. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "api/base/json.h"
#include "controller/cli/plan_file.h"
#include "controller/cli/print_plan.h"
#include "controller/cli/term.h"
#include "controller/plan/plan.h"

/* Plans by hand: their strings are literals, and nobody frees them. */
#ifdef __clang__
#pragma clang diagnostic ignored "-Wincompatible-pointer-types-discards-qualifiers"
#else
#pragma GCC diagnostic ignored "-Wdiscarded-qualifiers"
#endif

static struct step one_step = {.phase = PHASE_SWITCH};

static char *printed(const struct plan *plan, int64_t next) {
  struct term term = {0};
  char *text = NULL;
  size_t len = 0;

  term.stream = open_memstream(&text, &len);
  assert_int_equal(print_plan(&term, plan, next, NULL), 0);
  fclose(term.stream);
  return text;
}

static void has(const char *text, const char *part) {
  if (!strstr(text, part))
    fail_msg("\"%s\" is not in:\n%s", part, text);
}

static struct plan_machine machines[] = {{"mainpc", "28.5.2", 52}, {"pc2", "20.10.24", 24}};

static void test_changes(void **state) {
  struct plan_change hosts = {"extra_hosts.tts", "10.0.0.2", "10.0.0.1", false};
  struct plan_change limits[] = {{"memory", "4 GiB", "2 GiB", true}, {"cpus", NULL, "0.8", true}};
  struct plan_service services[] = {
      {.name = "a", .action = PLAN_KEEP, .from_machine = "pc2", .to_machine = "pc2"},
      {.name = "responder",
       .action = PLAN_RECREATE,
       .from_machine = "mainpc",
       .to_machine = "mainpc",
       .changes = &hosts,
       .change_count = 1,
       .downtime = true},
      {.name = "tts",
       .action = PLAN_MOVE,
       .from_machine = "pc2",
       .to_machine = "mainpc",
       .start_first = true,
       .image_note = "copy from pc2"},
      {.name = "voice",
       .action = PLAN_UPDATE,
       .from_machine = "pc2",
       .to_machine = "pc2",
       .changes = limits,
       .change_count = 2},
  };
  struct plan plan = {.project = "ai-system",
                      .kind = "apply",
                      .base_revision = 4,
                      .services = services,
                      .service_count = 4,
                      .machines = machines,
                      .machine_count = 2,
                      .rollback = {.revision = 4, .possible = true, .estimate_ms = 9200},
                      .steps = {&one_step, 1}};
  CLEANUP_FREE char *text = printed(&plan, 5), *summary = NULL;

  (void)state;
  assert_string_equal(
      text, "ai-system  revision 4 → 5     mainpc engine 28.5.2, 52 services · pc2 engine 20.10.24, 24 services\n"
            "\n"
            "  → tts         move pc2 → mainpc     image: copy from pc2, start-first, no downtime\n"
            "  ± responder   re-create on mainpc   extra_hosts.tts: 10.0.0.2 → 10.0.0.1, stop-first, down meanwhile\n"
            "  ~ voice       live on pc2           memory 4 GiB → 2 GiB, cpus none → 0.8\n"
            "  = 1 unchanged\n"
            "\n"
            "1 service to move, 1 to re-create, 1 to change live.\n"
            "\n"
            "Going back to 4: offline, no build, about 9 s.\n");
  assert_int_equal(plan_summary(&plan, &summary, NULL), 0);
  assert_string_equal(summary, "moved tts; re-created responder; changed voice live");
}

static void test_first_deploy_is_grouped(void **state) {
  struct plan_service services[76] = {{0}};
  struct plan_image images[78] = {{0}};
  char names[76][24];
  struct plan plan = {.project = "ai-system",
                      .kind = "apply",
                      .services = services,
                      .service_count = 76,
                      .images = images,
                      .machines = machines,
                      .machine_count = 2,
                      .steps = {&one_step, 1}};
  CLEANUP_FREE char *text = NULL, *summary = NULL;
  size_t lines = 0;

  (void)state;
  images[plan.image_count++] = (struct plan_image){"mainpc", "tier-cpu", "build", true};
  images[plan.image_count++] = (struct plan_image){"pc2", "tier-cpu", "build", true};
  for (int i = 0; i < 76; i++) {
    char *machine = i < 52 ? "mainpc" : "pc2";

    snprintf(names[i], sizeof names[i], "service_%d", i);
    services[i] = (struct plan_service){.name = names[i], .action = PLAN_CREATE, .to_machine = machine};
    images[plan.image_count++] = (struct plan_image){machine, names[i], "build", false};
  }
  text = printed(&plan, 1);
  has(text, "ai-system  new → revision 1 ");
  has(text, "tier image     tier-cpu   build on mainpc, pc2\n");
  has(text, "76 service images   build: 52 on mainpc, 24 on pc2\n");
  has(text, "+ 52 services   create on mainpc\n");
  has(text, "+ 24 services   create on pc2\n");
  has(text, "service_75");
  has(text, "76 services to create (52 on mainpc, 24 on pc2), 1 tier image, 76 service images.\n");
  for (const char *p = text; *p; p++)
    lines += *p == '\n';
  assert_true(lines < 30);
  assert_int_equal(plan_summary(&plan, &summary, NULL), 0);
  assert_string_equal(summary, "created 76 services");
}

static void test_new_images_are_grouped(void **state) {
  struct plan_change changes[8];
  struct plan_service services[8] = {{0}};
  char ids[8][80];
  struct plan plan = {.project = "p",
                      .kind = "apply",
                      .base_revision = 1,
                      .services = services,
                      .service_count = 8,
                      .machines = machines,
                      .machine_count = 2,
                      .steps = {&one_step, 1}};
  CLEANUP_FREE char *text = NULL;

  (void)state;
  for (int i = 0; i < 8; i++) {
    snprintf(ids[i], sizeof ids[i], "sha256:%064d", i);
    changes[i] = (struct plan_change){"image", ids[i], ids[(i + 1) % 8], false};
    services[i] = (struct plan_service){.name = ids[i] + 60,
                                        .action = PLAN_RECREATE,
                                        .from_machine = "pc2",
                                        .to_machine = "pc2",
                                        .changes = &changes[i],
                                        .change_count = 1};
  }
  text = printed(&plan, 2);
  has(text, "± 8 services   re-create on pc2   image, stop-first, no downtime\n");
}

static void test_nothing_to_do(void **state) {
  struct plan_service keep = {.name = "a", .action = PLAN_KEEP, .to_machine = "pc2"};
  struct plan plan = {.project = "p",
                      .kind = "apply",
                      .base_revision = 4,
                      .services = &keep,
                      .service_count = 1,
                      .machines = machines,
                      .machine_count = 1};
  CLEANUP_FREE char *text = printed(&plan, 5);

  (void)state;
  assert_string_equal(text, "p  revision 4     mainpc engine 28.5.2, 52 services\n\n  = 1 unchanged\n");
}

static void test_foreign_text_is_harmless(void **state) {
  struct plan_change evil = {"environment.X", "\033]0;x\007", "a\nb", false};
  struct plan_service s = {.name = "a",
                           .action = PLAN_RECREATE,
                           .from_machine = "pc2",
                           .to_machine = "pc2",
                           .changes = &evil,
                           .change_count = 1};
  struct plan plan = {.project = "p",
                      .kind = "apply",
                      .base_revision = 1,
                      .services = &s,
                      .service_count = 1,
                      .machines = machines,
                      .machine_count = 2,
                      .steps = {&one_step, 1}};
  CLEANUP_FREE char *text = printed(&plan, 2);

  (void)state;
  assert_null(strchr(text, '\033'));
  has(text, "environment.X: ?]0;x? → a b");
}

/* A saved plan's text with the fingerprint that belongs to it. */
static cJSON *sealed(const char *text) {
  cJSON *plan = cJSON_Parse(text);
  char hex[65];

  assert_non_null(plan);
  assert_int_equal(json_hash(plan, hex, NULL), 0);
  assert_true(json_put_str(plan, "fingerprint", hex));
  return plan;
}

static void refused(const cJSON *saved, const cJSON *now, const char *message) {
  CLEANUP_ERR struct err err = ERR_INIT;

  assert_int_equal(plan_file_check(saved, now, &err), -1);
  assert_int_equal(err.kind, ERR_CONFLICT);
  has(err_text(&err), message);
}

#define PLAN(project, state, image, level, steps)                                                                      \
  "{\"format\":2,\"project\":\"" project "\",\"basis\":{\"revision\":4,\"desired\":\"d" level "\",\"files\":{"          \
  "\"service web\":{\"environment.LEVEL\":\"" level "\",\"image\":\"1\"}},\"engines\":{\"pc2\":{"                       \
  "\"container p-web-1\":{\"id\":\"c1\",\"state\":\"" state "\",\"image\":\"" image "\"}}}},\"steps\":[" steps "]}"

static void test_saved_plan(void **state) {
  CLEANUP_JSON cJSON *saved = sealed(PLAN("p", "running", "i1", "a", "")), *edited = cJSON_Duplicate(saved, true);
  CLEANUP_JSON cJSON *other = sealed(PLAN("q", "running", "i1", "a", ""));
  CLEANUP_JSON cJSON *stopped = sealed(PLAN("p", "exited", "i1", "a", ""));
  CLEANUP_JSON cJSON *both = sealed(PLAN("p", "exited", "i2", "b", ""));
  CLEANUP_JSON cJSON *steps = sealed(PLAN("p", "running", "i1", "a", "{}"));
  CLEANUP_JSON cJSON *old = sealed("{\"format\":1,\"project\":\"p\"}");

  (void)state;
  assert_int_equal(plan_file_check(saved, saved, NULL), 0);
  refused(old, saved, "of another tandem (format 1)");
  refused(saved, other, "is of project p, not of q");
  refused(saved, stopped, "pc2: container p-web-1 was running, is exited; make a new plan");
  refused(saved, both, "pc2: container p-web-1: image was i1, is i2; the files: service web (environment.LEVEL); ");
  refused(saved, steps, "makes other steps than are saved");
  cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(edited, "steps"), cJSON_CreateObject());
  refused(edited, saved, "was changed after it was saved");
}

static void test_plan_file(void **state) {
  CLEANUP_JSON cJSON *plan = sealed(PLAN("p", "running", "i1", "a", "")), *read = NULL;
  CLEANUP_ERR struct err err = ERR_INIT;
  char folder[] = "/tmp/tandem-test-XXXXXX", path[64], other[64];

  (void)state;
  assert_non_null(mkdtemp(folder));
  snprintf(path, sizeof path, "%s/next", folder);
  snprintf(other, sizeof other, "%s/other", folder);
  assert_false(plan_file_is(path));
  assert_true(plan_file_is("missing.json"));
  assert_false(plan_file_is(folder));
  assert_int_equal(plan_file_write(path, plan, NULL), 0);
  assert_true(plan_file_is(path));
  assert_int_equal(plan_file_read(path, &read, NULL), 0);
  assert_true(json_equal(plan, read));
  assert_int_equal(plan_file_read("/nowhere/x.json", &read, &err), -1);
  assert_int_equal(err.kind, ERR_IO);
  assert_int_equal(plan_file_write("/nowhere/x.json", plan, &err), -1);
  assert_int_equal(err.kind, ERR_IO);
  fclose(fopen(other, "w"));
  assert_int_equal(plan_file_read(other, &read, &err), -1);
  assert_int_equal(err.kind, ERR_INPUT);
  unlink(other);
  unlink(path);
  assert_int_equal(rmdir(folder), 0); /* nothing else was left there */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_changes),
      cmocka_unit_test(test_first_deploy_is_grouped),
      cmocka_unit_test(test_new_images_are_grouped),
      cmocka_unit_test(test_nothing_to_do),
      cmocka_unit_test(test_foreign_text_is_harmless),
      cmocka_unit_test(test_saved_plan),
      cmocka_unit_test(test_plan_file),
  };

  return cmocka_run_group_tests_name("cli_plan", tests, NULL, NULL);
}
