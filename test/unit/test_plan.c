/* The planner on documents: desired state and engines' answers in, actions and steps out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "api/base/json.h"
#include "controller/plan/fields.h"
#include "controller/plan/plan.h"
#include "controller/plan/ref.h"

#define ID_A "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define CONTAINER_1 "1111111111111111111111111111111111111111111111111111111111111111"
#define CONTAINER_2 "2222222222222222222222222222222222222222222222222222222222222222"

/* One service "web" on machine m1, image web:latest, with the given members of HostConfig; deps as JSON. */
static struct desired *desire(const char *machine, const char *env, const char *host, const char *extra) {
  char text[4096], hash[65];
  snprintf(text, sizeof(text), "{\"Image\":\"web\",\"Env\":[%s],\"Labels\":{},\"HostConfig\":{%s}}", env, host);
  cJSON *body = cJSON_Parse(text);
  assert_non_null(body);
  assert_int_equal(fields_spec_hash(body, NULL, hash, NULL), 0);
  char *body_text = json_text(body);
  snprintf(text, sizeof(text),
           "{\"format\":1,\"project\":\"p\",\"parallelism\":4,\"retain\":3,\"machines\":[{\"name\":\"m1\"},{\"name\":\"m2\"}],"
           "\"images\":[{\"machine\":\"%s\",\"ref\":\"web:latest\",\"service\":\"web\"}],\"networks\":[],\"volumes\":[],"
           "\"services\":[{\"name\":\"web\",\"machine\":\"%s\",\"container_name\":\"p-web-1\",\"image\":\"web:latest\","
           "\"body\":%s,\"depends_on\":[],\"spec_hash\":\"%s\",\"config_hash\":\"c\",\"monitor_ms\":1000%s}]}",
           machine, machine, body_text, hash, extra);
  cJSON *doc = cJSON_Parse(text);
  assert_non_null(doc);
  struct desired *d = NULL;
  assert_int_equal(desired_load(doc, "p", &d, NULL), 0);
  cJSON_Delete(doc);
  cJSON_Delete(body);
  free(body_text);
  return d;
}

static struct observed *observe_two(void) {
  struct observed *o = calloc(1, sizeof(*o));
  o->machines = calloc(2, sizeof(*o->machines));
  o->machine_count = 2;
  for (int i = 0; i < 2; i++) {
    o->machines[i].name = strdup(i ? "m2" : "m1");
    o->machines[i].version = strdup("20.10.24");
    o->machines[i].api_version = strdup("1.41");
  }
  return o;
}

static void add_image(struct observed *o, int machine, const char *id, const char *tag) {
  char text[512];
  snprintf(text, sizeof(text), "[{\"Id\":\"%s\",\"RepoTags\":[\"%s\"]}]", id, tag);
  cJSON *list = cJSON_Parse(text);
  assert_int_equal(observed_add_images(&o->machines[machine], list, NULL), 0);
  cJSON_Delete(list);
}

static void add_container(struct observed *o, int machine, const char *id, const char *name, const char *image,
                          const char *hash, const char *state, const char *host) {
  char text[2048];
  snprintf(text, sizeof(text),
           "{\"Id\":\"%s\",\"Name\":\"/%s\",\"Image\":\"%s\",\"RestartCount\":0,"
           "\"State\":{\"Status\":\"%s\",\"Running\":%s,\"ExitCode\":0},\"HostConfig\":{%s},"
           "\"Config\":{\"Image\":\"web\",\"Env\":[\"A=1\"],\"Labels\":{\"com.docker.compose.service\":\"web\","
           "\"com.docker.compose.project\":\"p\",\"tandem.spec-hash\":\"%s\",\"tandem.revision\":\"1\"}}}",
           id, name, image, state, strcmp(state, "running") == 0 ? "true" : "false", host, hash);
  cJSON *doc = cJSON_Parse(text);
  assert_non_null(doc);
  assert_int_equal(observed_add_container(&o->machines[machine], doc, NULL), 0);
}

static struct plan *plan_from(struct desired *d, struct observed *o, int64_t base, const struct desired *held) {
  struct plan_options options = {.kind = "apply", .base_revision = base, .keep_parked_from = base, .held = held};
  struct plan *plan = NULL;
  struct err err = ERR_INIT;
  observed_sort(o);
  int rc = plan_make(d, o, &options, &plan, &err);
  if (rc < 0)
    fail_msg("%s", err_text(&err));
  return plan;
}

static struct plan *plan_it(struct desired *d, struct observed *o, int64_t base) {
  return plan_from(d, o, base, NULL);
}

static const struct step *find_step(const struct plan *plan, enum step_kind kind, const char *machine) {
  for (size_t i = 0; i < plan->steps.count; i++)
    if (plan->steps.items[i].kind == kind && strcmp(plan->steps.items[i].machine, machine) == 0)
      return &plan->steps.items[i];
  return NULL;
}

/* Is `late` after `early`, directly or over others? */
static bool comes_after(const struct plan *plan, const struct step *late, const struct step *early) {
  for (size_t i = 0; i < late->after_count; i++)
    if (late->after[i] == early->index || comes_after(plan, &plan->steps.items[late->after[i]], early))
      return true;
  return false;
}

static void end(struct plan *plan, struct desired *d, struct observed *o) {
  plan_free(plan);
  desired_free(d);
  observed_free(o);
}

static void first_deploy_creates_under_the_real_name(void **state) {
  (void)state;
  struct desired *d = desire("m1", "\"A=1\"", "", "");
  struct observed *o = observe_two();
  add_image(o, 0, ID_A, "web:latest");
  struct plan *plan = plan_it(d, o, 0);
  assert_int_equal(plan_count(plan, PLAN_CREATE), 1);
  assert_null(find_step(plan, STEP_CONTAINER_RENAME, "m1"));
  const struct step *create = find_step(plan, STEP_CONTAINER_CREATE, "m1"), *hold = find_step(plan, STEP_IMAGE_HOLD, "m1");
  assert_string_equal(json_str(create->args, "name", ""), "p-web-1");
  assert_true(comes_after(plan, create, hold));
  assert_true(comes_after(plan, find_step(plan, STEP_CONTAINER_START, "m1"), create));
  assert_int_equal(find_step(plan, STEP_GATE_HOLD, "m1")->phase, PHASE_PROVE);
  end(plan, d, o);
}

static void equal_state_is_an_empty_plan(void **state) {
  (void)state;
  struct desired *d = desire("m1", "\"A=1\"", "\"Memory\":1048576", "");
  struct observed *o = observe_two();
  add_image(o, 0, ID_A, "web:latest");
  CLEANUP_FREE char *hold = ref_hold("p", ID_A);
  add_image(o, 0, ID_A, hold);
  add_container(o, 0, CONTAINER_1, "p-web-1", ID_A, d->services[0].spec_hash, "running", "\"Memory\":1048576");
  struct plan *plan = plan_it(d, o, 1);
  assert_true(plan_is_empty(plan));
  assert_int_equal(plan_count(plan, PLAN_KEEP), 1);
  assert_int_equal(plan->steps.count, 0);
  end(plan, d, o);
}

static void a_limit_is_changed_live_and_back(void **state) {
  (void)state;
  struct desired *d = desire("m1", "\"A=1\"", "\"Memory\":1073741824", "");
  struct observed *o = observe_two();
  add_image(o, 0, ID_A, "web:latest");
  add_container(o, 0, CONTAINER_1, "p-web-1", ID_A, d->services[0].spec_hash, "running",
                "\"Memory\":2147483648,\"MemorySwap\":4294967296");
  struct plan *plan = plan_it(d, o, 1);
  assert_int_equal(plan_count(plan, PLAN_UPDATE), 1);
  assert_null(find_step(plan, STEP_CONTAINER_CREATE, "m1"));
  const struct step *update = find_step(plan, STEP_CONTAINER_UPDATE, "m1");
  assert_string_equal(update->container, CONTAINER_1);
  assert_int_equal(json_int(json_get(update->args, "update"), "Memory", 0), 1073741824);
  assert_int_equal(json_int(json_get(update->args, "update"), "MemorySwap", 0), 2147483648);
  assert_int_equal(json_int(json_get(update->args, "previous"), "Memory", 0), 2147483648);
  assert_string_equal(plan->services[0].changes[0].field, "memory");
  assert_string_equal(plan->services[0].changes[0].from, "2 GiB");
  assert_string_equal(plan->services[0].changes[0].to, "1 GiB");
  end(plan, d, o);
}

/* An engine cannot lift a limit live, so going back from a first limit could not be done: a new container. */
static void from_no_limit_is_a_recreate(void **state) {
  (void)state;
  struct desired *d = desire("m1", "\"A=1\"", "\"Memory\":1073741824", "");
  struct observed *o = observe_two();
  add_image(o, 0, ID_A, "web:latest");
  add_container(o, 0, CONTAINER_1, "p-web-1", ID_A, d->services[0].spec_hash, "running", "");
  struct plan *plan = plan_it(d, o, 1);
  assert_int_equal(plan_count(plan, PLAN_RECREATE), 1);
  end(plan, d, o);
}

static void a_host_port_means_stop_first(void **state) {
  (void)state;
  struct desired *d =
      desire("m1", "\"A=2\"", "\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"80\"}]},\"RestartPolicy\":{\"Name\":\"always\"}", "");
  struct observed *o = observe_two();
  add_image(o, 0, ID_A, "web:latest");
  add_container(o, 0, CONTAINER_1, "p-web-1", ID_A, "other", "running", "\"RestartPolicy\":{\"Name\":\"always\"}");
  struct plan *plan = plan_it(d, o, 4);
  assert_int_equal(plan_count(plan, PLAN_RECREATE), 1);
  assert_false(plan->services[0].start_first);
  assert_true(plan->services[0].downtime);
  const struct step *create = find_step(plan, STEP_CONTAINER_CREATE, "m1");
  const struct step *policy = find_step(plan, STEP_CONTAINER_POLICY, "m1");
  const struct step *stop = find_step(plan, STEP_CONTAINER_STOP, "m1");
  const struct step *start = find_step(plan, STEP_CONTAINER_START, "m1");
  assert_string_equal(json_str(create->args, "name", ""), "p-web-1.n5");
  assert_true(comes_after(plan, stop, policy)); /* else an `always` container comes back with its daemon */
  assert_true(comes_after(plan, start, stop));
  const struct step *park = find_step(plan, STEP_CONTAINER_RENAME, "m1");
  assert_string_equal(json_str(park->args, "to", ""), "p-web-1.r4");
  end(plan, d, o);
}

static void without_a_port_the_new_one_starts_first(void **state) {
  (void)state;
  struct desired *d = desire("m1", "\"A=2\"", "", "");
  struct observed *o = observe_two();
  add_image(o, 0, ID_A, "web:latest");
  add_container(o, 0, CONTAINER_1, "p-web-1", ID_A, "other", "running", "");
  struct plan *plan = plan_it(d, o, 4);
  assert_true(plan->services[0].start_first);
  const struct step *ready = find_step(plan, STEP_GATE_READY, "m1"), *stop = find_step(plan, STEP_CONTAINER_STOP, "m1");
  assert_true(comes_after(plan, stop, ready));
  assert_int_equal(ready->phase, PHASE_SWITCH);
  assert_string_equal(plan->services[0].changes[0].field, "environment.A");
  end(plan, d, o);
}

static void a_move_copies_the_image_and_parks_the_old(void **state) {
  (void)state;
  struct desired *d = desire("m2", "\"A=1\"", "", "");
  struct observed *o = observe_two();
  add_image(o, 0, ID_A, "web:latest");
  add_container(o, 0, CONTAINER_1, "p-web-1", ID_A, d->services[0].spec_hash, "running", "");
  struct plan *plan = plan_it(d, o, 1);
  assert_int_equal(plan_count(plan, PLAN_MOVE), 1);
  assert_string_equal(plan->services[0].from_machine, "m1");
  assert_string_equal(plan->services[0].to_machine, "m2");
  const struct step *copy = find_step(plan, STEP_IMAGE_COPY, "m2"), *create = find_step(plan, STEP_CONTAINER_CREATE, "m2");
  assert_string_equal(json_str(copy->args, "from", ""), "m1");
  assert_true(comes_after(plan, create, copy));
  assert_true(comes_after(plan, find_step(plan, STEP_CONTAINER_STOP, "m1"), find_step(plan, STEP_GATE_READY, "m2")));
  end(plan, d, o);
}

static void a_parked_container_is_started_again(void **state) {
  (void)state;
  struct desired *d = desire("m1", "\"A=1\"", "\"RestartPolicy\":{\"Name\":\"always\"}", "");
  struct observed *o = observe_two();
  add_image(o, 0, ID_A, "web:latest");
  add_container(o, 0, CONTAINER_1, "p-web-1", ID_A, "other", "running", "\"RestartPolicy\":{\"Name\":\"always\"}");
  add_container(o, 0, CONTAINER_2, "p-web-1.r1", ID_A, d->services[0].spec_hash, "exited",
                "\"RestartPolicy\":{\"Name\":\"no\"}");
  struct plan *plan = plan_it(d, o, 2);
  assert_true(plan->services[0].restored);
  assert_null(find_step(plan, STEP_CONTAINER_CREATE, "m1"));
  assert_string_equal(find_step(plan, STEP_CONTAINER_START, "m1")->container, CONTAINER_2);
  const struct step *update = find_step(plan, STEP_CONTAINER_UPDATE, "m1"); /* its policy comes back too */
  assert_string_equal(json_str(json_at(update->args, "update.RestartPolicy"), "Name", ""), "always");
  assert_null(find_step(plan, STEP_CONTAINER_REMOVE, "m1"));
  end(plan, d, o);
}

static void old_parked_ones_go_after_the_commit(void **state) {
  (void)state;
  struct desired *d = desire("m1", "\"A=1\"", "", "");
  struct observed *o = observe_two();
  add_image(o, 0, ID_A, "web:latest");
  add_container(o, 0, CONTAINER_1, "p-web-1.r1", ID_A, "x", "exited", "");
  struct plan *plan = plan_it(d, o, 3);
  const struct step *gone = find_step(plan, STEP_CONTAINER_REMOVE, "m1");
  assert_non_null(gone);
  assert_int_equal(gone->phase, PHASE_CLEANUP);
  end(plan, d, o);
}

static void an_unwanted_service_is_parked(void **state) {
  (void)state;
  struct desired *d = NULL;
  assert_int_equal(desired_load(NULL, "p", &d, NULL), 0);
  struct observed *o = observe_two();
  add_container(o, 1, CONTAINER_1, "p-web-1", ID_A, "x", "running", "");
  struct plan *plan = plan_it(d, o, 2);
  assert_int_equal(plan_count(plan, PLAN_REMOVE), 1);
  assert_non_null(find_step(plan, STEP_CONTAINER_STOP, "m2"));
  assert_null(find_step(plan, STEP_CONTAINER_REMOVE, "m2"));
  end(plan, d, o);
}

static void a_missing_image_of_a_revision_is_told(void **state) {
  (void)state;
  struct desired *d = desire("m1", "\"A=1\"", "", "");
  struct observed *o = observe_two();
  struct plan *plan = NULL;
  struct err err = ERR_INIT;
  struct plan_options options = {.kind = "rollback", .base_revision = 2};
  assert_int_equal(desired_set_image_id(d, "m1", "web:latest", ID_B, NULL), 0);
  add_image(o, 0, ID_A, "web:latest");
  observed_sort(o);
  assert_int_equal(plan_make(d, o, &options, &plan, &err), -1);
  assert_int_equal(err.kind, ERR_CONFLICT);
  assert_non_null(strstr(err_text(&err), "is gone from m1"));
  err_release(&err);
  end(NULL, d, o);
}

/* The holding revision ran with A; somebody has given A's tag to B. */
static void a_moved_tag_is_brought_back(void **state) {
  (void)state;
  struct desired *d = desire("m1", "\"A=1\"", "", ""), *held = desire("m1", "\"A=1\"", "", "");
  struct observed *o = observe_two();
  assert_int_equal(desired_set_image_id(held, "m1", "web:latest", ID_A, NULL), 0);
  add_image(o, 0, ID_B, "web:latest");
  add_image(o, 0, ID_A, "kept:1");
  add_container(o, 0, CONTAINER_1, "p-web-1", ID_A, d->services[0].spec_hash, "running", "");
  struct plan *plan = plan_from(d, o, 1, held);
  assert_int_equal(plan_count(plan, PLAN_UPDATE), 1);
  assert_string_equal(plan->services[0].changes[0].field, "image tag web:latest");
  assert_string_equal(json_str(find_step(plan, STEP_IMAGE_TAG, "m1")->args, "id", ""), ID_A);
  assert_null(find_step(plan, STEP_CONTAINER_CREATE, "m1"));
  assert_null(find_step(plan, STEP_GATE_HOLD, "m1"));
  desired_free(held);
  end(plan, d, o);
}

/* Only B is left, and nobody deployed it: the right one has to be got anew. */
static void a_foreign_image_is_never_deployed(void **state) {
  (void)state;
  struct desired *d = desire("m1", "\"A=2\"", "", ""), *held = desire("m1", "\"A=1\"", "", "");
  struct observed *o = observe_two();
  assert_int_equal(desired_set_image_id(held, "m1", "web:latest", ID_A, NULL), 0);
  add_image(o, 0, ID_B, "web:latest");
  add_image(o, 1, ID_B, "web:latest");
  struct plan *plan = plan_from(d, o, 1, held);
  assert_non_null(find_step(plan, STEP_IMAGE_PULL, "m1"));
  desired_free(held);
  end(plan, d, o);
}

static void a_paused_container_goes_on(void **state) {
  (void)state;
  struct desired *d = desire("m1", "\"A=1\"", "", "");
  struct observed *o = observe_two();
  add_image(o, 0, ID_A, "web:latest");
  add_container(o, 0, CONTAINER_1, "p-web-1", ID_A, d->services[0].spec_hash, "paused", "");
  o->machines[0].containers[0].running = true; /* as an engine says of a paused one */
  struct plan *plan = plan_it(d, o, 1);
  assert_int_equal(plan_count(plan, PLAN_START), 1);
  assert_string_equal(find_step(plan, STEP_CONTAINER_UNPAUSE, "m1")->container, CONTAINER_1);
  assert_null(find_step(plan, STEP_CONTAINER_START, "m1"));
  end(plan, d, o);
}

/* Two steps one after the other beside a third, and a monitor after them; then the same with one slot only. */
static void the_longest_way_is_estimated(void **state) {
  (void)state;
  struct steps s = {0};
  CLEANUP_JSON cJSON *ms = cJSON_Parse("{\"container.stop\":1000,\"container.start\":500}");
  int stop = steps_add(&s, STEP_CONTAINER_STOP, PHASE_SWITCH, "m1", "a", "a", NULL, NULL);
  int start = steps_add(&s, STEP_CONTAINER_START, PHASE_SWITCH, "m1", "a", "a", NULL, NULL);
  int64_t estimate = 0;
  steps_add(&s, STEP_CONTAINER_STOP, PHASE_SWITCH, "m1", "b", "b", NULL, NULL);
  steps_add(&s, STEP_GATE_HOLD, PHASE_PROVE, "m1", "a", "a", cJSON_Parse("{\"monitor_ms\":3000}"), NULL);
  steps_add(&s, STEP_CONTAINER_REMOVE, PHASE_CLEANUP, "m1", "a", "a", NULL, NULL);
  assert_int_equal(steps_order(&s, start, stop, NULL), 0);
  assert_int_equal(rollback_estimate(&s, 8, ms, &estimate, NULL), 0);
  assert_int_equal(estimate, 1500 + 3000);
  assert_int_equal(rollback_estimate(&s, 1, ms, &estimate, NULL), 0);
  assert_int_equal(estimate, 2500 + 3000);
  steps_add(&s, STEP_CONTAINER_RENAME, PHASE_SWITCH, "m1", "a", "a", NULL, NULL); /* never measured */
  assert_int_equal(rollback_estimate(&s, 8, ms, &estimate, NULL), 0);
  assert_int_equal(estimate, 0);
  steps_release(&s);
}

static void going_back_needs_the_images_of_that_revision(void **state) {
  (void)state;
  struct desired *d = desire("m1", "\"A=1\"", "", "");
  struct observed *o = observe_two();
  struct rollback r;
  assert_int_equal(desired_set_image_id(d, "m1", "web:latest", ID_A, NULL), 0);
  add_image(o, 0, ID_B, "web:latest");
  assert_int_equal(rollback_assess(d, o, 3, &r, NULL), 0);
  assert_false(r.possible);
  assert_string_equal(r.needs.items[0], "image web:latest (gone from m1): a pull");
  rollback_release(&r);
  add_image(o, 1, ID_A, "other:1");
  assert_int_equal(rollback_assess(d, o, 3, &r, NULL), 0);
  assert_true(r.possible);
  assert_string_equal(r.copies.items[0], "image web:latest from m2 to m1");
  rollback_release(&r);
  end(NULL, d, o);
}

static void secrets_are_not_shown(void **state) {
  (void)state;
  struct desired *d = desire("m1", "\"A=hunter2\"", "", ",\"secret_env\":[\"A\"]");
  struct observed *o = observe_two();
  add_image(o, 0, ID_A, "web:latest");
  add_container(o, 0, CONTAINER_1, "p-web-1", ID_A, "other", "running", "");
  struct plan *plan = plan_it(d, o, 1);
  cJSON *json = NULL;
  assert_int_equal(plan_to_json(plan, &json, NULL), 0);
  CLEANUP_FREE char *text = json_text(json);
  assert_null(strstr(text, "hunter2"));
  assert_non_null(strstr(text, "(sensitive)"));
  cJSON_Delete(json);
  end(plan, d, o);
}

static void equal_input_gives_an_equal_fingerprint(void **state) {
  (void)state;
  char first[65];
  for (int round = 0; round < 2; round++) {
    struct desired *d = desire("m1", "\"A=2\"", "", "");
    struct observed *o = observe_two();
    add_image(o, 0, ID_A, "web:latest");
    add_container(o, 0, round ? CONTAINER_2 : CONTAINER_1, "p-web-1", ID_A, "other", "running", "");
    struct plan *plan = plan_it(d, o, 1), *again = plan_it(d, o, 1);
    assert_string_equal(plan->fingerprint, again->fingerprint);
    if (round)
      assert_string_not_equal(plan->fingerprint, first);
    memcpy(first, plan->fingerprint, sizeof(first));
    plan_free(again);
    end(plan, d, o);
  }
}

static void references_take_the_familiar_form(void **state) {
  (void)state;
  static const char *const pairs[][2] = {
      {"web", "web:latest"},
      {"docker.io/library/web:1", "web:1"},
      {"docker.io/me/web", "me/web:latest"},
      {"host:5000/web", "host:5000/web:latest"},
      {"web@sha256:00", "web@sha256:00"},
  };
  for (size_t i = 0; i < COUNT_OF(pairs); i++) {
    CLEANUP_FREE char *ref = ref_familiar(pairs[i][0]);
    assert_string_equal(ref, pairs[i][1]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(first_deploy_creates_under_the_real_name),
      cmocka_unit_test(equal_state_is_an_empty_plan),
      cmocka_unit_test(a_limit_is_changed_live_and_back),
      cmocka_unit_test(from_no_limit_is_a_recreate),
      cmocka_unit_test(a_host_port_means_stop_first),
      cmocka_unit_test(without_a_port_the_new_one_starts_first),
      cmocka_unit_test(a_move_copies_the_image_and_parks_the_old),
      cmocka_unit_test(a_parked_container_is_started_again),
      cmocka_unit_test(old_parked_ones_go_after_the_commit),
      cmocka_unit_test(an_unwanted_service_is_parked),
      cmocka_unit_test(a_missing_image_of_a_revision_is_told),
      cmocka_unit_test(a_moved_tag_is_brought_back),
      cmocka_unit_test(a_foreign_image_is_never_deployed),
      cmocka_unit_test(a_paused_container_goes_on),
      cmocka_unit_test(the_longest_way_is_estimated),
      cmocka_unit_test(going_back_needs_the_images_of_that_revision),
      cmocka_unit_test(secrets_are_not_shown),
      cmocka_unit_test(equal_input_gives_an_equal_fingerprint),
      cmocka_unit_test(references_take_the_familiar_form),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
