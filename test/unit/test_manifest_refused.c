/* Bad input: each mistake is refused at its place, with what is wrong and what was expected. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fleet_case.h"

#define TWO                                                                                                            \
  "services: {a: {image: x}, b: {image: x}}\n"                                                                         \
  "x-tandem:\n"                                                                                                        \
  "  machines: {one: {endpoint: 'unix:///o'}, two: {endpoint: 'unix:///t'}}\n"
#define PLACED TWO "  services: {'*': {machine: one}}\n"

/* manifest_load() refuses these already. */
static const struct {
  const char *text;
  const char *message;
} unreadable[] = {
    {TWO "  service: {}\n", "f.yaml:4:3: x-tandem has no key \"service\": did you mean \"services\"?"},
    {TWO "  what: {}\n",
     "f.yaml:4:3: x-tandem has no key \"what\": known are machines, tiers, limits, services, update"},
    {TWO "  limits: {memory: 5}\n",
     "f.yaml:4:12: x-tandem.limits has no key \"memory\": known are cpu_percent, memory_mb, "
     "max_threads, pids"},
    {TWO "  limits: {memory_mb: 5m}\n", "f.yaml:4:23: memory_mb: expected a whole number, found \"5m\""},
    {TWO "  limits: {cpu_percent: -1}\n", "f.yaml:4:25: cpu_percent: -1 is out of range, expected 0 to 1000000"},
    {TWO "  limits: 5\n", "f.yaml:4:11: x-tandem.limits: expected a map, found 5"},
    {TWO "  limits: [a]\n", "f.yaml:4:11: x-tandem.limits: expected a map, found a list"},
    {TWO "  update: {order: sideways}\n", "f.yaml:4:19: order: \"sideways\" is none of auto, start-first, stop-first"},
    {TWO "  update: {monitor: 10}\n",
     "f.yaml:4:21: monitor: \"10\" is no duration, expected one like 500ms, 10s or 1m30s"},
    {TWO "  update: {parallelism: 0}\n", "f.yaml:4:25: parallelism: 0 is out of range, expected 1 to 100000"},
    {TWO "  services: {a: {machine: three}}\n", "f.yaml:4:27: there is no machine \"three\": known are one, two"},
    {TWO "  services: {a: {machine: tow}}\n",
     "f.yaml:4:27: there is no machine \"tow\": known are one, two; did you mean \"two\"?"},
    {TWO "  services: {a: {machine: [one]}}\n", "f.yaml:4:27: machine: expected text, found a list"},
    {TWO "  services: {a: {machine: ''}}\n", "f.yaml:4:27: machine: is empty"},
    {TWO "  services: {a: {tier: gpu}}\n", "f.yaml:4:24: there is no tier \"gpu\" in x-tandem.tiers"},
    {TWO "  services: {nobody: {pined: true}}\n",
     "f.yaml:4:23: x-tandem.services.nobody has no key \"pined\": did you mean \"pinned\"?"},
    {TWO "  services: {a: {pinned: maybe}}\n", "f.yaml:4:26: pinned: expected true or false, found \"maybe\""},
    {TWO "  services: {a: {update: {retain: 3}}}\n",
     "f.yaml:4:27: x-tandem.services.a.update has no key \"retain\": known are order, monitor"},
    {TWO "  tiers: {t: {}}\n", "f.yaml:4:11: tier t has no build"},
    {TWO "  tiers: {t: {build: [x]}}\n", "f.yaml:4:22: build: expected a folder or a map, found a list"},
    {"services: {}\nx-tandem: {machines: {m: {address: h}}}\n",
     "f.yaml:2:23: machine m has no endpoint: expected unix://, tcp://, ssh:// or context://"},
    {"services: {}\nx-tandem: {machines: {m: {endpoint: 'http://h'}}}\n",
     "f.yaml:2:37: machine m: endpoint \"http://h\" is none of unix://PATH, tcp://HOST:PORT, ssh://HOST, "
     "context://NAME"},
    {"services: {}\nx-tandem: {machines: {m: {endpoint: 'tcp://h:1'}}}\n",
     "f.yaml:2:37: machine m: tcp://h:1 needs tls: {ca, cert, key}, or insecure: true to go without"},
    {"services: {}\nx-tandem: {machines: {m: {endpoint: 'tcp://h:1', tls: {ca: c}}}}\n",
     "f.yaml:2:55: machine m: tls needs ca, cert and key"},
};

/* fleet_check() refuses these. */
static const struct {
  const char *text;
  const char *message;
} undeployable[] = {
    {TWO, "f.yaml:1:12: service a has no machine: name one in x-tandem.services or in deploy.placement.constraints "
          "(node.hostname == MACHINE)"},
    {PLACED "  limits: {pids: 4}\n", "f.yaml:5:18: service a: a cap of 4 tasks (pids) is too low: a Python agent with "
                                     "two ZeroMQ contexts needs more than "
                                     "that only to start, expected 16 or more; max_threads is what sizes thread pools"},
    {"services: {a: {image: x, pids_limit: 15}}\n",
     "f.yaml:1:38: service a: a cap of 15 tasks (pids) is too low: a Python agent with two ZeroMQ contexts needs more "
     "than "
     "that only to start, expected 16 or more; max_threads is what sizes thread pools"},
    {"services:\n  a: {image: x, ports: ['80:80']}\n  b: {image: x, ports: ['80:8080']}\n",
     "f.yaml:3:25: host port 80/tcp of machine local is taken twice: by b, and by a at "},
    {"services:\n  a: {image: x, ports: ['80-82:80-82', '127.0.0.1:81:90']}\n",
     "f.yaml:2:40: service a publishes host port 81/tcp twice: first at "},
    {"services:\n  a: {image: x, container_name: p-b-1}\n  b: {image: x}\n",
     "f.yaml:3:3: services a and b of machine local both have the container name p-b-1"},
    {"services:\n  a: {image: x, deploy: {replicas: 2}}\n",
     "f.yaml:2:3: service a asks for 2 replicas: one container a service is all there is so far"},
    {"services:\n  a: {image: x, mem_limit: 5m}\n",
     "f.yaml:2:3: service a: a memory limit of 5242880 bytes is below the 6 MiB an engine takes"},
    {"services:\n  a: {image: x, mem_reservation: 100m}\nx-tandem: {limits: {memory_mb: 50}}\n",
     "f.yaml:2:3: service a reserves more memory (100 MiB) than its limit allows (50 MiB)"},
    {"services:\n  a: {image: x, memswap_limit: 10m}\nx-tandem: {limits: {memory_mb: 50}}\n",
     "f.yaml:2:3: service a: memswap_limit, memory and swap together, is 10 MiB, below the memory limit of 50 MiB"},
    {"services: {a: {image: x, network_mode: 'service:b'}, b: {image: x}}\n"
     "x-tandem:\n"
     "  machines: {one: {endpoint: 'unix:///o'}, two: {endpoint: 'unix:///t'}}\n"
     "  services: {a: {machine: one}, b: {machine: two}}\n",
     "f.yaml:1:40: service a: network_mode refers to b, which is on machine two and not on one: what it shares exists "
     "within one machine only"},
    {"services: {a: {image: x, post_start: [{command: x}]}}\n",
     "f.yaml:1:38: service a: post_start hooks are not supported"},
    {"services: {a: {build: {context: ., platforms: [linux/amd64, linux/arm64]}}}\n",
     "service a: an image is built for one platform, not for 2"},
    {"services: {a: {image: x, secrets: [s]}}\nsecrets: {s: {environment: NOT_SET}}\n",
     "f.yaml:2:28: secret s: environment variable NOT_SET is not set"},
    {"services: {a: {image: x, secrets: [s]}}\nsecrets: {s: {external: true}}\n",
     "f.yaml:2:25: secret s: external is not supported without Swarm"},
    {"services: {a: {image: x, read_only: true, configs: [s]}}\nconfigs: {s: {content: c}}\n",
     "f.yaml:1:37: service a: with read_only, no secret or config can be put into the container but from a file"},
};

static void mistakes_are_refused_at_their_place(void **state) {
  struct fleet_case *c = *state;
  for (size_t i = 0; i < COUNT_OF(unreadable); i++) {
    if (case_try(c, unreadable[i].text) == 0)
      fail_msg("taken: %s", unreadable[i].text);
    assert_int_equal(c->err.kind, ERR_INPUT);
    assert_string_equal(case_message(c), unreadable[i].message);
  }
}

static void what_cannot_be_deployed_is_refused(void **state) {
  struct fleet_case *c = *state;
  for (size_t i = 0; i < COUNT_OF(undeployable); i++) {
    if (fleet_check(case_load(c, undeployable[i].text), &c->err) == 0)
      fail_msg("taken: %s", undeployable[i].text);
    assert_int_equal(c->err.kind, ERR_INPUT);
    if (!strstr(case_message(c), undeployable[i].message))
      assert_string_equal(case_message(c), undeployable[i].message);
  }
}

/* Taken: what only looks like one of the above. */
static void what_can_be_deployed_is_not_refused(void **state) {
  static const char *const texts[] = {
      PLACED "  limits: {pids: 16}\n",
      "services:\n  a: {image: x, ports: ['80:80', '80:80/udp', '127.0.0.1:81:81', '127.0.0.2:81:81']}\n",
      "services:\n  a: {image: x, ports: ['7000-7002:80']}\n  b: {image: x, ports: ['7001:80']}\n",
      "services:\n  a: {image: x, ports: ['80']}\n  b: {image: x, ports: ['80']}\n",
      "services: {a: {image: x, pids_limit: -1}}\n",
      "services: {a: {image: x, pid: 'service:b'}, b: {image: x}}\n",
  };
  struct fleet_case *c = *state;
  for (size_t i = 0; i < COUNT_OF(texts); i++)
    if (fleet_check(case_load(c, texts[i]), &c->err) < 0)
      fail_msg("%s\n%s", err_text(&c->err), texts[i]);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, case_setup, case_teardown)
  const struct CMUnitTest tests[] = {
      TEST(mistakes_are_refused_at_their_place),
      TEST(what_cannot_be_deployed_is_refused),
      TEST(what_can_be_deployed_is_not_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
