/* Transactions on two real engines: what commits, what is put back, and that nothing is lost on the way. */
#include "test/engine/lab.h"

#define RUN "trap 'exit 0' TERM; while :; do sleep 0.1; done"
#define HEALTHY                                                                                                        \
  ",\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"true\"],\"Interval\":300000000,\"Timeout\":2000000000,\"Retries\":2}"
#define SICK                                                                                                           \
  ",\"Healthcheck\":{\"Test\":[\"CMD-SHELL\",\"echo connection refused; exit 1\"],\"Interval\":300000000,"             \
  "\"Timeout\":2000000000,\"Retries\":2}"

static int setup(void **state) {
  static struct lab lab;
  lab_open(&lab);
  *state = &lab;
  return 0;
}

static int teardown(void **state) {
  lab_close(*state);
  return 0;
}

static const struct lab_service base[] = {
    {.name = "db",
     .machine = "mainpc",
     .command = RUN,
     .body = HEALTHY,
     .host = ",\"RestartPolicy\":{\"Name\":\"always\"}"},
    {.name = "web",
     .machine = "pc2",
     .command = RUN,
     .depends = "[{\"service\":\"db\",\"condition\":1,\"required\":true}]"},
};

static void deploy_base(struct lab *lab) {
  struct plan *plan = lab_apply(lab, base, 2);
  if (lab->outcome.result != TRANSACTION_COMMITTED)
    fail_msg("%s", json_str(lab->outcome.failure, "reason", "no reason"));
  assert_int_equal(plan_count(plan, PLAN_CREATE), 2);
  plan_free(plan);
}

static void first_deploy_then_nothing_to_do(void **state) {
  struct lab *lab = *state;
  deploy_base(lab);
  CLEANUP_FREE char *before = lab_picture(lab);
  assert_non_null(strstr(before, "running"));
  uint64_t sent = engine_mutations(lab->machines.items[0].engine) + engine_mutations(lab->machines.items[1].engine);
  struct plan *plan = lab_apply(lab, base, 2);
  assert_true(plan_is_empty(plan));
  assert_int_equal(engine_mutations(lab->machines.items[0].engine) + engine_mutations(lab->machines.items[1].engine),
                   sent);
  CLEANUP_FREE char *after = lab_picture(lab);
  assert_string_equal(before, after);
  plan_free(plan);
}

/* Deploys base, then `changed` in db's place, which must fail as said, and leave everything as it was. */
static void expect_put_back(struct lab *lab, struct lab_service changed, enum transaction_result result,
                            const char *reason) {
  struct lab_service services[] = {changed, base[1]};
  deploy_base(lab);
  CLEANUP_FREE char *before = lab_picture(lab);
  struct plan *plan = lab_apply(lab, services, 2);
  const char *said = json_str(lab->outcome.failure, "reason", "");
  if (lab->outcome.result != result)
    fail_msg("ended with %d: %s %s", (int)lab->outcome.result, said,
             lab->outcome.left.count ? lab->outcome.left.items[0] : "");
  if (!strstr(said, reason))
    fail_msg("reason is: %s", said);
  CLEANUP_FREE char *after = lab_picture(lab);
  assert_string_equal(before, after);
  plan_free(plan);
}

static void exit_at_start_is_put_back(void **state) {
  struct lab *lab = *state;
  struct lab_service bad = base[0];
  bad.command = "echo ModuleNotFoundError; exit 7";
  expect_put_back(lab, bad, TRANSACTION_PUT_BACK, "exit code 7");
  assert_string_equal(json_str(lab->outcome.failure, "service", ""), "db");
  const cJSON *logs = json_get(lab->outcome.failure, "logs");
  assert_string_equal(cJSON_GetStringValue(cJSON_GetArrayItem(logs, 0)), "ModuleNotFoundError");
}

static void never_healthy_is_put_back(void **state) {
  struct lab *lab = *state;
  struct lab_service bad = base[0];
  bad.body = SICK;
  expect_put_back(lab, bad, TRANSACTION_PUT_BACK, "last: connection refused");
  assert_string_equal(json_str(json_get(lab->outcome.failure, "health"), "output", ""), "connection refused");
}

static void out_of_memory_is_told(void **state) {
  struct lab *lab = *state;
  struct lab_service bad = base[0];
  bad.command = "x=a; while :; do x=$x$x; done";
  bad.host = ",\"Memory\":8388608,\"MemorySwap\":8388608";
  expect_put_back(lab, bad, TRANSACTION_PUT_BACK, "exit code");
  assert_true(json_bool(lab->outcome.failure, "oom_killed", false));
}

/* ENGINE_API.md: create succeeds, start fails, and a `created` container stays behind. */
static void missing_binary_is_put_back(void **state) {
  struct lab_service bad = base[0];
  bad.body = ",\"Entrypoint\":[\"/no/such/binary\"]";
  expect_put_back(*state, bad, TRANSACTION_PUT_BACK, "no such file");
}

static void missing_device_is_put_back(void **state) {
  struct lab_service bad = base[0];
  bad.host =
      ",\"Devices\":[{\"PathOnHost\":\"/dev/no-such\",\"PathInContainer\":\"/dev/x\",\"CgroupPermissions\":\"r\"}]";
  expect_put_back(*state, bad, TRANSACTION_PUT_BACK, "/dev/no-such");
}

static void taken_port_is_put_back(void **state) {
  struct lab *lab = *state;
  struct lab_service bad = base[0];
  struct lab_service holder = {.name = "holder",
                               .machine = "mainpc",
                               .command = RUN,
                               .body = ",\"ExposedPorts\":{\"80/tcp\":{}}",
                               .host = ",\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"18099\"}]}"};
  struct lab other;
  lab_open(&other);
  plan_free(lab_apply(&other, &holder, 1));
  assert_int_equal(other.outcome.result, TRANSACTION_COMMITTED);
  bad.body = holder.body;
  bad.host = ",\"PortBindings\":{\"80/tcp\":[{\"HostPort\":\"18099\"}]}";
  expect_put_back(lab, bad, TRANSACTION_PUT_BACK, "18099");
  lab_close(&other);
}

/* A missing bind source is refused at create: nothing visible has happened yet. */
static void missing_mount_fails_before_the_switch(void **state) {
  struct lab_service bad = base[0];
  bad.host = ",\"Mounts\":[{\"Type\":\"bind\",\"Source\":\"/no/such/folder\",\"Target\":\"/x\"}]";
  expect_put_back(*state, bad, TRANSACTION_FAILED_CLEAN, "/no/such/folder");
}

static void a_foreign_container_of_that_name_stays(void **state) {
  struct lab *lab = *state;
  char name[128];
  struct lab_service third[] = {base[0], base[1], {.name = "new", .machine = "mainpc", .command = RUN}};
  deploy_base(lab);
  snprintf(name, sizeof(name), "%s-new-1", lab->project);
  char command[512];
  snprintf(command, sizeof(command),
           "curl -sS --fail --unix-socket %s/mainpc/docker.sock -H 'Content-Type: application/json' "
           "-d '{\"Image\":\"%s\"}' 'http://d/v1.41/containers/create?name=%s' >/dev/null",
           lab_env("TANDEM_TESTBED", "/var/tmp/tandem-testbed"), lab_env("TANDEM_BUSYBOX", "tandem-testbed/busybox:1"),
           name);
  assert_int_equal(system(command), 0);
  CLEANUP_FREE char *before = lab_picture(lab);
  plan_free(lab_apply(lab, third, 3));
  assert_int_equal(lab->outcome.result, TRANSACTION_FAILED_CLEAN);
  assert_non_null(strstr(json_str(lab->outcome.failure, "reason", ""), "409"));
  CLEANUP_FREE char *after = lab_picture(lab);
  assert_string_equal(before, after);
  snprintf(command, sizeof(command),
           "curl -sS --fail --unix-socket %s/mainpc/docker.sock -X DELETE 'http://d/v1.41/containers/%s' >/dev/null",
           lab_env("TANDEM_TESTBED", "/var/tmp/tandem-testbed"), name);
  assert_int_equal(system(command), 0); /* it was still there */
}

static void a_limit_changes_live(void **state) {
  struct lab *lab = *state;
  struct lab_service small = base[0], large = base[0];
  small.host = ",\"Memory\":67108864,\"NanoCpus\":500000000";
  large.host = ",\"Memory\":134217728,\"NanoCpus\":500000000";
  struct lab_service one[] = {large, base[1]}, two[] = {small, base[1]};
  plan_free(lab_apply(lab, one, 2));
  assert_int_equal(lab->outcome.result, TRANSACTION_COMMITTED);
  struct observed *before = lab_observe(lab);
  struct plan *plan = lab_apply(lab, two, 2);
  assert_int_equal(lab->outcome.result, TRANSACTION_COMMITTED);
  assert_int_equal(plan_count(plan, PLAN_UPDATE), 1);
  struct observed *after = lab_observe(lab);
  char name[128];
  snprintf(name, sizeof(name), "%s-db-1", lab->project);
  const struct observed_container *a = observed_live(&before->machines[0], "db", name);
  const struct observed_container *b = observed_live(&after->machines[0], "db", name);
  assert_string_equal(a->id, b->id);
  assert_string_equal(a->started_at, b->started_at);
  assert_int_equal(json_int(json_get(b->inspect, "HostConfig"), "Memory", 0), 67108864);
  plan_free(plan);
  observed_free(before);
  observed_free(after);
}

static void a_replaced_container_is_parked_and_comes_back(void **state) {
  struct lab *lab = *state;
  struct lab_service changed[] = {base[0], base[1]};
  changed[0].command = RUN " # two";
  deploy_base(lab);
  CLEANUP_FREE char *first = lab_picture(lab);
  plan_free(lab_apply(lab, changed, 2));
  assert_int_equal(lab->outcome.result, TRANSACTION_COMMITTED);
  CLEANUP_FREE char *second = lab_picture(lab);
  char parked[160];
  snprintf(parked, sizeof(parked), "mainpc %s-db-1.r1 exited", lab->project);
  assert_non_null(strstr(second, parked));
  const char *line = strstr(second, parked); /* its policy must not bring it back with the daemon */
  const char *end = strchr(line, '\n');
  assert_true(end - line > 3 && strncmp(end - 3, " no", 3) == 0);
  struct plan *plan = lab_apply(lab, base, 2);
  assert_int_equal(lab->outcome.result, TRANSACTION_COMMITTED);
  assert_true(plan->services[0].restored);
  CLEANUP_FREE char *third = lab_picture(lab);
  const char *db = strstr(first, "-db-1 running ");
  assert_non_null(db);
  char same[64];
  snprintf(same, sizeof(same), "%.*s", (int)strcspn(db, "\n"), db); /* same ID, running, policy `always` */
  assert_non_null(strstr(third, same));
  plan_free(plan);
}

static void a_service_moves_with_the_old_one_parked(void **state) {
  struct lab *lab = *state;
  struct lab_service moved[] = {base[0], base[1]};
  char line[160];
  moved[1].machine = "mainpc";
  deploy_base(lab);
  struct plan *plan = lab_apply(lab, moved, 2);
  assert_int_equal(lab->outcome.result, TRANSACTION_COMMITTED);
  assert_int_equal(plan_count(plan, PLAN_MOVE), 1);
  CLEANUP_FREE char *after = lab_picture(lab);
  snprintf(line, sizeof(line), "mainpc %s-web-1 running", lab->project);
  assert_non_null(strstr(after, line));
  snprintf(line, sizeof(line), "pc2 %s-web-1.r1 exited", lab->project);
  assert_non_null(strstr(after, line));
  plan_free(plan);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void) {
  const struct CMUnitTest tests[] = {
      TEST(first_deploy_then_nothing_to_do),
      TEST(exit_at_start_is_put_back),
      TEST(never_healthy_is_put_back),
      TEST(out_of_memory_is_told),
      TEST(missing_binary_is_put_back),
      TEST(missing_device_is_put_back),
      TEST(taken_port_is_put_back),
      TEST(missing_mount_fails_before_the_switch),
      TEST(a_foreign_container_of_that_name_stays),
      TEST(a_limit_changes_live),
      TEST(a_replaced_container_is_parked_and_comes_back),
      TEST(a_service_moves_with_the_old_one_parked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
