/* x-tandem, placement and what else a fleet says of machines and services. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fleet_case.h"

#define MACHINES                                                                                                       \
  "x-tandem:\n"                                                                                                        \
  "  machines:\n"                                                                                                      \
  "    one: {endpoint: 'unix:///one.sock', address: 10.0.0.1}\n"                                                       \
  "    two: {endpoint: 'tcp://10.0.0.2:2376', tls: {ca: tls/ca.pem, cert: /etc/cert.pem, key: ./key.pem}}\n"

static void plain_project_has_one_machine(void **state) {
  struct fleet *f = case_load(*state, "services: {a: {image: x}}\n");
  assert_int_equal(f->machine_count, 1);
  assert_string_equal(f->machines[0].name, "local");
  assert_string_equal(f->machines[0].endpoint, "unix:///var/run/docker.sock");
  assert_int_equal(f->services[0].machine, 0);
  assert_int_equal(f->services[0].tier, -1);
  assert_int_equal(f->services[0].stop_grace_s, -1);
  assert_int_equal(fleet_check(f, NULL), 0);
}

static void docker_host_is_the_local_machine(void **state) {
  static const char *const environment[] = {"DOCKER_HOST=tcp://h:1", NULL};
  struct fleet_case *c = *state;
  c->options.environ = environment;
  assert_string_equal(case_load(c, "services: {a: {image: x}}\n")->machines[0].endpoint, "tcp://h:1");
}

static void constraint_means_nothing_without_machines(void **state) {
  struct fleet *f = case_load(*state, "services: {a: {image: x, deploy: {placement: {constraints: "
                                      "['node.hostname == other']}}}}\n");
  assert_int_equal(f->services[0].machine, 0);
}

static void machines_are_read(void **state) {
  struct fleet_case *c = *state;
  struct fleet *f = case_load(c, "services: {}\n" MACHINES);
  const struct machine *two = fleet_machine(f, "two");
  char expected[128];
  snprintf(expected, sizeof(expected), "%s/tls/ca.pem", c->scratch.dir);
  assert_int_equal(f->machine_count, 2);
  assert_string_equal(f->machines[0].address, "10.0.0.1");
  assert_string_equal(two->tls_ca, expected);
  assert_string_equal(two->tls_cert, "/etc/cert.pem");
  snprintf(expected, sizeof(expected), "%s/key.pem", c->scratch.dir);
  assert_string_equal(two->tls_key, expected);
  assert_false(two->insecure);
  assert_int_equal(two->pos.line, 5);
  assert_int_equal(two->pos.column, 5);
  assert_null(fleet_machine(f, "three"));
}

static void later_globs_win_key_by_key(void **state) {
  struct fleet *f = case_load(*state, "services: {a: {image: x}, b_1: {image: x}, b_2: {image: x}}\n" MACHINES
                                      "  tiers: {t: {build: .}, u: {build: {context: u, args: [A=1]}}}\n"
                                      "  limits: {cpu_percent: 80, memory_mb: 100, pids: 64}\n"
                                      "  services:\n"
                                      "    '*': {machine: one, tier: t, limits: {memory_mb: 200}}\n"
                                      "    'b_[12]': {machine: two, limits: {pids: 32}, pinned: true}\n"
                                      "    'b_?': {tier: u, requirements: req.txt}\n"
                                      "    b_2: {machine: one, update: {order: stop-first, monitor: 1m}}\n"
                                      "  update: {parallelism: 3, monitor: 5s, retain: 2, reconnect: 1m}\n");
  const struct service *a = fleet_service(f, "a"), *b1 = fleet_service(f, "b_1"), *b2 = fleet_service(f, "b_2");
  assert_int_equal(a->machine, 0);
  assert_int_equal(b1->machine, 1);
  assert_int_equal(b2->machine, 0);
  assert_string_equal(f->tiers[a->tier].image, "p-tier-t:latest");
  assert_string_equal(f->tiers[b1->tier].name, "u");
  assert_string_equal(json_str(f->tiers[b1->tier].build->args, "A", ""), "1");
  assert_int_equal(a->limits.memory_mb, 200);
  assert_int_equal(a->limits.pids, 64);
  assert_int_equal(b1->limits.pids, 32);
  assert_int_equal(b1->limits.memory_mb, 200);
  assert_true(b1->pinned && !a->pinned);
  assert_null(a->requirements);
  assert_non_null(strstr(b1->requirements, "/req.txt"));
  assert_int_equal(a->update.order, ORDER_AUTO);
  assert_int_equal(a->update.monitor_ms, 5000);
  assert_int_equal(b2->update.order, ORDER_STOP_FIRST);
  assert_int_equal(b2->update.monitor_ms, 60000);
  assert_int_equal(f->update.parallelism, 3);
  assert_int_equal(f->update.reconnect_ms, 60000);
  assert_int_equal(f->update.retain, 2);
}

static void placement_has_an_order(void **state) {
  static const struct placement moved[] = {{"a", "two"}, {"gone", "one"}};
  static const char text[] = "services:\n"
                             "  a: {image: x, deploy: {placement: {constraints: ['node.hostname==one']}}}\n"
                             "  b: {image: x, deploy: {placement: {constraints: ['node.hostname == two']}}}\n"
                             "  c: {image: x, deploy: {placement: {constraints: ['node.hostname == two']}}}\n" MACHINES
                             "  services: {c: {machine: one}}\n";
  struct fleet_case *c = *state;
  struct fleet *f = case_load(c, text);
  assert_int_equal(f->services[0].machine, 0);
  assert_int_equal(f->services[1].machine, 1);
  assert_int_equal(f->services[2].machine, 0);
  c->options.placements = moved;
  c->options.placement_count = 2;
  assert_int_equal(case_load(c, text)->services[0].machine, 1);
}

static void values_may_be_interpolated(void **state) {
  static const char *const environment[] = {"CPU=150", "WHERE=two", NULL};
  struct fleet_case *c = *state;
  c->options.environ = environment;
  struct fleet *f = case_load(c, "services: {a: {image: x}}\n" MACHINES
                                 "  limits: {cpu_percent: '${CPU}', memory_mb: \"${MEM:-64}\"}\n"
                                 "  services: {'*': {machine: $WHERE, pinned: \"${PIN:-true}\"}}\n");
  assert_int_equal(f->services[0].machine, 1);
  assert_true(f->services[0].pinned);
  assert_int_equal((int)f->services[0].limits.cpu_percent, 150);
  assert_int_equal(f->services[0].limits.memory_mb, 64);
}

static void services_are_resolved(void **state) {
  struct fleet *f = case_load(*state, "services:\n"
                                      "  b:\n"
                                      "    build: {context: ctx, args: {X: 1}, target: t, labels: {l: v}}\n"
                                      "    depends_on:\n"
                                      "      a: {condition: service_healthy, restart: true, required: false}\n"
                                      "    ports: ['8080-8081:80-81', '127.0.0.1:53:53/udp', '99']\n"
                                      "    environment: {API_KEY: k, db_password: s, PLAIN: p, MY_TOKEN: t}\n"
                                      "    stop_grace_period: 1m30s\n"
                                      "    platform: linux/amd64\n"
                                      "  a: {image: x, container_name: fixed, healthcheck: {test: 'true'}, "
                                      "pull_policy: always}\n");
  const struct service *a = fleet_service(f, "a"), *b = fleet_service(f, "b");
  assert_string_equal(f->services[0].name, "a");
  assert_string_equal(a->container_name, "fixed");
  assert_true(a->container_name_set && a->has_healthcheck);
  assert_string_equal(a->pull_policy, "always");
  assert_string_equal(b->container_name, "p-b-1");
  assert_false(b->container_name_set || b->has_healthcheck);
  assert_string_equal(b->image, "p-b");
  assert_string_equal(b->platform, "linux/amd64");
  assert_non_null(strstr(b->build->context, "/ctx"));
  assert_string_equal(b->build->dockerfile, "Dockerfile");
  assert_string_equal(b->build->target, "t");
  assert_string_equal(json_str(b->build->args, "X", ""), "1");
  assert_string_equal(json_str(b->build->labels, "l", ""), "v");
  assert_int_equal(b->dependency_count, 1);
  assert_string_equal(b->dependencies[0].service, "a");
  assert_int_equal(b->dependencies[0].condition, DEPENDS_HEALTHY);
  assert_true(b->dependencies[0].restart && !b->dependencies[0].required);
  assert_int_equal(b->dependencies[0].pos.line, 5);
  assert_int_equal(b->port_count, 4);
  assert_int_equal(b->ports[1].published, 8081);
  assert_int_equal(b->ports[1].target, 81);
  assert_string_equal(b->ports[2].host_ip, "127.0.0.1");
  assert_string_equal(b->ports[2].protocol, "udp");
  assert_int_equal(b->ports[3].published, 0);
  assert_int_equal(b->stop_grace_s, 90);
  assert_int_equal(b->secret_env.count, 3);
  assert_false(strv_has(&b->secret_env, "PLAIN"));
}

static void only_used_resources_are_made(void **state) {
  struct fleet *f = case_load(*state, "services:\n"
                                      "  a: {image: x, networks: [n, e], volumes: ['vol:/v', 'ext:/w']}\n"
                                      "networks:\n"
                                      "  n: {driver_opts: {o: 1}, ipam: {config: [{subnet: 10.9.0.0/24}]}}\n"
                                      "  e: {external: true, name: real}\n"
                                      "  unused: {}\n"
                                      "volumes: {vol: {labels: {l: m}}, ext: {external: true}, unused: {}}\n");
  assert_int_equal(f->network_count, 2);
  assert_int_equal(f->volume_count, 2);
  for (size_t i = 0; i < f->network_count; i++) {
    const struct resource *r = &f->networks[i];
    bool external = strcmp(r->key, "e") == 0;
    assert_int_equal(r->external, external);
    assert_string_equal(r->name, external ? "real" : "p_n");
    assert_true(external == !r->body);
    if (!external)
      assert_string_equal(json_str(json_get(r->body, "Labels"), "com.docker.compose.network", ""), "n");
  }
  const struct resource *v = strcmp(f->volumes[0].key, "vol") == 0 ? &f->volumes[0] : &f->volumes[1];
  assert_string_equal(json_str(v->body, "Name", ""), "p_vol");
  assert_string_equal(json_str(json_get(v->body, "Labels"), "l", ""), "m");
}

static void what_is_not_observed_is_said(void **state) {
  struct fleet *f = case_load(*state, "services:\n"
                                      "  a: {image: x, deploy: {update_config: {parallelism: 2}}}\n" MACHINES
                                      "  services: {nobody: {machine: one}}\n");
  assert_int_equal(f->warnings.count, 2);
  assert_non_null(strstr(f->warnings.items[0], "f.yaml:7:14: x-tandem.services: \"nobody\" matches no service"));
  assert_non_null(strstr(f->warnings.items[1], "f.yaml:2:41: service a: deploy.update_config"));
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, case_setup, case_teardown)
  const struct CMUnitTest tests[] = {
      TEST(plain_project_has_one_machine),
      TEST(docker_host_is_the_local_machine),
      TEST(constraint_means_nothing_without_machines),
      TEST(machines_are_read),
      TEST(later_globs_win_key_by_key),
      TEST(placement_has_an_order),
      TEST(values_may_be_interpolated),
      TEST(services_are_resolved),
      TEST(only_used_resources_are_made),
      TEST(what_is_not_observed_is_said),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
