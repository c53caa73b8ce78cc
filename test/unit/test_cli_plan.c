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
                      .rollback_offline = true,
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
            "Going back to 4: offline, no build.\n");
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

static void refused(const char *saved, const char *now, const char *message) {
  CLEANUP_JSON cJSON *a = cJSON_Parse(saved), *b = cJSON_Parse(now);
  CLEANUP_ERR struct err err = ERR_INIT;

  assert_non_null(a);
  assert_non_null(b);
  assert_int_equal(plan_file_check(a, b, &err), -1);
  assert_int_equal(err.kind, ERR_CONFLICT);
  has(err_text(&err), message);
}

#define PLAN(print, services) "{\"project\":\"p\",\"fingerprint\":\"" print "\",\"services\":[" services "]}"
#define IMAGE(to) "{\"field\":\"image\",\"from\":\"1\",\"to\":\"" to "\"}"

static void test_saved_plan(void **state) {
  CLEANUP_JSON cJSON *same = cJSON_Parse(PLAN("a", ""));

  (void)state;
  assert_int_equal(plan_file_check(same, same, NULL), 0);
  refused(PLAN("a", ""), "{\"project\":\"q\",\"fingerprint\":\"a2\"}", "is of project p, not of q");
  refused(PLAN("a", ""), PLAN("b", ""), "containers, images or details of the files are others");
  refused(PLAN("a", "{\"service\":\"x\",\"action\":\"re-create\",\"changes\":[" IMAGE("2") "]}"),
          PLAN("b", "{\"service\":\"x\",\"action\":\"re-create\",\"changes\":[" IMAGE("3") "]}"), ": x (image); ");
  refused(PLAN("a", "{\"service\":\"x\",\"action\":\"keep\",\"changes\":[]}"),
          PLAN("b", "{\"service\":\"x\",\"action\":\"re-create\",\"changes\":[" IMAGE("3") "]}"), ": x (image); ");
  refused(PLAN("a", "{\"service\":\"x\",\"action\":\"keep\"}"), PLAN("b", "{\"service\":\"x\",\"action\":\"start\"}"),
          ": x (keep, now start); ");
  refused(PLAN("a", "{\"service\":\"x\",\"action\":\"keep\"}"), PLAN("b", "{\"service\":\"y\",\"action\":\"create\"}"),
          ": x (no longer there), y (new); ");
}

static void test_plan_file(void **state) {
  CLEANUP_JSON cJSON *plan = cJSON_Parse(PLAN("a", "")), *read = NULL;
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
