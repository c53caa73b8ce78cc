/* From a fleet to the desired document: names across machines, tier images, hashes, and the document's way back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "api/base/json.h"
#include "controller/plan/desired.h"

/* tts on pc2 (publishes published:5556), caller on mainpc depends on it; both built on tier cpu. */
struct world {
  struct machine machines[2];
  struct tier tiers[1];
  struct build build, tier_build;
  struct service services[2];
  struct dependency dependency;
  struct published_port port;
  struct fleet fleet;
  const char *digest; /* of every context */
};

static int digest(void *arg, const struct build *build, char ret_hex[65], struct err *err) {
  struct world *w = arg;
  (void)build;
  (void)err;
  snprintf(ret_hex, 65, "%s", w->digest);
  return 0;
}

static void make_world(struct world *w, int published) {
  memset(w, 0, sizeof(*w));
  w->digest = "d1";
  w->machines[0] = (struct machine){.name = (char *)"mainpc", .address = (char *)"10.0.0.1"};
  w->machines[1] = (struct machine){.name = (char *)"pc2", .address = (char *)"10.0.0.2"};
  w->build = (struct build){.context = (char *)"/src", .dockerfile = (char *)"Dockerfile"};
  w->tier_build = (struct build){.context = (char *)"/src", .dockerfile = (char *)"cpu.Dockerfile"};
  w->tiers[0] = (struct tier){.name = (char *)"cpu", .image = (char *)"p-tier-cpu:latest", .build = &w->tier_build};
  w->dependency = (struct dependency){.service = (char *)"tts", .required = true, .pos = {"f.yaml", 7, 9}};
  w->port = (struct published_port){.published = published, .target = 5556, .protocol = (char *)"tcp"};
  w->services[0] = (struct service){.name = (char *)"caller", .machine = 0, .container_name = (char *)"p-caller-1",
                                    .image = (char *)"p-caller", .build = &w->build, .dependencies = &w->dependency,
                                    .dependency_count = 1, .replicas = 1, .stop_grace_s = -1};
  w->services[1] = (struct service){.name = (char *)"tts", .machine = 1, .container_name = (char *)"p-tts-1",
                                    .image = (char *)"p-tts", .build = &w->build, .ports = &w->port, .port_count = 1,
                                    .replicas = 1, .stop_grace_s = -1};
  for (int i = 0; i < 2; i++) {
    char text[128];
    snprintf(text, sizeof(text), "{\"Image\":\"%s\",\"Labels\":{},\"HostConfig\":{}}", w->services[i].image);
    w->services[i].body = cJSON_Parse(text);
  }
  cJSON *document = cJSON_Parse("{\"services\":{\"caller\":{},\"tts\":{}}}");
  w->fleet = (struct fleet){.name = (char *)"p", .machines = w->machines, .machine_count = 2, .tiers = w->tiers,
                            .tier_count = 1, .services = w->services, .service_count = 2, .document = document,
                            .update = {.parallelism = 4, .retain = 3, .reconnect_ms = 7000}};
}

static void free_world(struct world *w) {
  cJSON_Delete(w->services[0].body);
  cJSON_Delete(w->services[1].body);
  cJSON_Delete(w->fleet.document);
}

static struct desired *desire(struct world *w) {
  struct desired *d = NULL;
  struct err err = ERR_INIT;
  if (desired_from_fleet(&w->fleet, digest, w, &d, &err) < 0)
    fail_msg("%s", err_text(&err));
  return d;
}

static void a_caller_finds_the_other_machine_by_name(void **state) {
  (void)state;
  struct world w;
  make_world(&w, 5556);
  struct desired *d = desire(&w);
  const cJSON *hosts = json_at(desired_service(d, "caller")->body, "HostConfig.ExtraHosts");
  assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(hosts, 0)), "tts:10.0.0.2");
  CLEANUP_FREE char *before = strdup(desired_service(d, "caller")->spec_hash);
  desired_free(d);
  w.services[1].machine = 0; /* together: the network's own names serve, and the caller changes with the move */
  d = desire(&w);
  assert_null(json_at(desired_service(d, "caller")->body, "HostConfig.ExtraHosts"));
  assert_string_not_equal(desired_service(d, "caller")->spec_hash, before);
  desired_free(d);
  free_world(&w);
}

static void another_port_number_across_machines_is_an_error(void **state) {
  (void)state;
  struct world w;
  struct desired *d = NULL;
  struct err err = ERR_INIT;
  make_world(&w, 15556);
  assert_int_equal(desired_from_fleet(&w.fleet, digest, &w, &d, &err), -1);
  assert_int_equal(err.kind, ERR_INPUT);
  assert_string_equal(err_text(&err), "f.yaml:7:9: service caller depends on tts, which is on another machine and "
                                      "publishes container port 5556 as 15556: a caller finds it by its name only "
                                      "under the same number");
  w.services[1].port_count = 0;
  assert_int_equal(desired_from_fleet(&w.fleet, digest, &w, &d, &err), -1);
  assert_non_null(strstr(err_text(&err), "publishes no port"));
  w.services[1].port_count = 1;
  w.port.published = 5556;
  w.machines[1].address = NULL;
  assert_int_equal(desired_from_fleet(&w.fleet, digest, &w, &d, &err), -1);
  assert_non_null(strstr(err_text(&err), "no address"));
  err_release(&err);
  free_world(&w);
}

static void builds_on_a_tier_name_it_and_follow_it(void **state) {
  (void)state;
  struct world w;
  make_world(&w, 5556);
  w.services[0].tier = w.services[1].tier = 0;
  struct desired *d = desire(&w);
  const struct desired_image *image = desired_image(d, "mainpc", "p-caller:latest");
  assert_non_null(image);
  assert_string_equal(image->base, "p-tier-cpu:latest");
  assert_string_equal(json_str(json_get(image->build, "args"), "TIER_IMAGE", ""), "p-tier-cpu:latest");
  assert_non_null(desired_image(d, "mainpc", "p-tier-cpu:latest"));
  assert_non_null(desired_image(d, "pc2", "p-tier-cpu:latest"));
  CLEANUP_FREE char *hash = strdup(image->build_hash);
  desired_free(d);
  w.tier_build.target = (char *)"other"; /* the tier alone changes: what is built on it is stale too */
  d = desire(&w);
  assert_string_not_equal(desired_image(d, "mainpc", "p-caller:latest")->build_hash, hash);
  desired_free(d);
  free_world(&w);
}

static void the_place_of_a_context_does_not_make_it_stale(void **state) {
  (void)state;
  struct world w;
  make_world(&w, 5556);
  w.services[0].tier = w.services[1].tier = -1;
  struct desired *d = desire(&w);
  CLEANUP_FREE char *hash = strdup(desired_image(d, "mainpc", "p-caller:latest")->build_hash);
  desired_free(d);
  w.build.context = (char *)"/elsewhere";
  d = desire(&w);
  assert_string_equal(desired_image(d, "mainpc", "p-caller:latest")->build_hash, hash);
  desired_free(d);
  w.digest = "d2";
  d = desire(&w);
  assert_string_not_equal(desired_image(d, "mainpc", "p-caller:latest")->build_hash, hash);
  desired_free(d);
  free_world(&w);
}

static void the_document_comes_back_as_it_was(void **state) {
  (void)state;
  struct world w;
  struct desired *again = NULL;
  make_world(&w, 5556);
  struct desired *d = desire(&w);
  assert_int_equal(desired_load(d->doc, "p", &again, NULL), 0);
  assert_true(json_equal(d->doc, again->doc));
  assert_string_equal(again->services[0].name, "caller");
  assert_int_equal(again->retain, 3);
  assert_int_equal(again->reconnect_ms, 7000);
  desired_free(again);
  desired_free(d);
  free_world(&w);
}

static void some_services_leave_the_others_as_they_are(void **state) {
  (void)state;
  struct world w;
  struct desired *chosen = NULL;
  static const char *const names[] = {"tts"};
  make_world(&w, 5556);
  struct desired *now = desire(&w);
  assert_int_equal(desired_set_image_id(now, "mainpc", "p-caller:latest", "sha256:old", NULL), 0);
  w.digest = "d2"; /* both files have changed */
  struct desired *next = desire(&w);
  assert_int_equal(desired_select(next, now, names, 1, &chosen, NULL), 0);
  assert_int_equal(chosen->service_count, 2);
  assert_string_equal(desired_image(chosen, "mainpc", "p-caller:latest")->id, "sha256:old");
  assert_string_equal(desired_image(chosen, "pc2", "p-tts:latest")->build_hash,
                      desired_image(next, "pc2", "p-tts:latest")->build_hash);
  desired_free(chosen);
  desired_free(next);
  desired_free(now);
  free_world(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_caller_finds_the_other_machine_by_name),
      cmocka_unit_test(another_port_number_across_machines_is_an_error),
      cmocka_unit_test(builds_on_a_tier_name_it_and_follow_it),
      cmocka_unit_test(the_place_of_a_context_does_not_make_it_stale),
      cmocka_unit_test(the_document_comes_back_as_it_was),
      cmocka_unit_test(some_services_leave_the_others_as_they_are),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
