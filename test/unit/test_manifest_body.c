/* The create body of each Compose key, as docker compose 2.40.3 sends it, and x-tandem's limits in it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fleet_case.h"

/* A service's keys; a path in its body; what stands there, "null" for nothing. */
static const struct {
  const char *service;
  const char *path;
  const char *expected;
} bodies[] = {
    {"", "Image", "\"x\""},
    {"", "Cmd", "null"},
    {"command: []", "Cmd", "[]"},
    {"command: sh -c 'a b'", "Cmd", "[\"sh\",\"-c\",\"a b\"]"},
    {"entrypoint: [a, \"$$b\"]", "Entrypoint", "[\"a\",\"$b\"]"},
    {"environment: {B: 2, A: 'x=y', C: }", "Env", "[\"A=x=y\",\"B=2\",\"C\"]"},
    {"hostname: h", "Hostname", "\"h\""},
    {"user: '5'", "User", "\"5\""},
    {"tty: true", "Tty", "true"},
    {"tty: false", "Tty", "null"},
    {"stop_grace_period: 1m30s", "StopTimeout", "90"},
    {"stop_grace_period: 500ms", "StopTimeout", "0"},
    {"healthcheck: {test: run it, interval: 90s, timeout: 1s, start_period: 500ms, retries: 2}", "Healthcheck",
     "{\"Interval\":90000000000,\"Retries\":2,\"StartPeriod\":500000000,\"Test\":[\"CMD-SHELL\",\"run it\"],"
     "\"Timeout\":1000000000}"},
    {"healthcheck: {disable: true}", "Healthcheck", "{\"Test\":[\"NONE\"]}"},
    {"expose: ['99', '100/udp']", "ExposedPorts", "{\"100/udp\":{},\"99\":{}}"},
    {"ports: ['8080:80', '127.0.0.1:8081:80']", "ExposedPorts", "{\"80/tcp\":{}}"},
    {"ports: ['8080:80', '127.0.0.1:8081:80']", "HostConfig.PortBindings",
     "{\"80/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"8080\"},{\"HostIp\":\"127.0.0.1\",\"HostPort\":\"8081\"}]}"},
    {"ports: ['7000-7002:80/udp', '5']", "HostConfig.PortBindings",
     "{\"5/tcp\":[{\"HostIp\":\"\",\"HostPort\":\"\"}],\"80/udp\":[{\"HostIp\":\"\",\"HostPort\":\"7000-7002\"}]}"},
    {"volumes: ['/aa:/b:ro', 'vol:/c', '/qq:/r:z']", "HostConfig.Binds",
     "[\"/aa:/b:ro\",\"p_vol:/c:rw\",\"/qq:/r:rw,z\"]"},
    {"volumes: [/anon]", "HostConfig.Mounts", "[{\"Target\":\"/anon\",\"Type\":\"volume\",\"VolumeOptions\":{}}]"},
    {"volumes: [{type: bind, source: /xx, target: /y, bind: {create_host_path: false}}]", "HostConfig.Mounts",
     "[{\"BindOptions\":{},\"Source\":\"/xx\",\"Target\":\"/y\",\"Type\":\"bind\"}]"},
    {"volumes: [{type: bind, source: /xx, target: /y, bind: {propagation: rslave}}]", "HostConfig.Mounts",
     "[{\"BindOptions\":{\"Propagation\":\"rslave\"},\"Source\":\"/xx\",\"Target\":\"/y\",\"Type\":\"bind\"}]"},
    {"volumes: [{type: volume, source: vol, target: /y, volume: {nocopy: true, subpath: s}}]", "HostConfig.Mounts",
     "[{\"Source\":\"p_vol\",\"Target\":\"/"
     "y\",\"Type\":\"volume\",\"VolumeOptions\":{\"NoCopy\":true,\"Subpath\":\"s\"}}]"},
    {"volumes: [{type: tmpfs, target: /t, tmpfs: {size: 10m, mode: 0o755}}]", "HostConfig.Mounts",
     "[{\"Target\":\"/t\",\"TmpfsOptions\":{\"Mode\":493,\"SizeBytes\":10485760},\"Type\":\"tmpfs\"}]"},
    {"tmpfs: ['/run:size=1m', /tmp]", "HostConfig.Tmpfs", "{\"/run\":\"size=1m\",\"/tmp\":\"\"}"},
    {"volumes_from: ['other:ro', 'container:c']", "HostConfig.VolumesFrom", "[\"service:other\",\"c\"]"},
    {"secrets: [file]", "HostConfig.Mounts",
     "[{\"BindOptions\":{},\"ReadOnly\":true,\"Source\":\"/s\",\"Target\":\"/run/secrets/file\",\"Type\":\"bind\"}]"},
    {"configs: [{source: cfile, target: /etc/c}]", "HostConfig.Mounts",
     "[{\"ReadOnly\":true,\"Source\":\"/c\",\"Target\":\"/etc/c\",\"Type\":\"bind\"}]"},
    {"restart: on-failure:3", "HostConfig.RestartPolicy", "{\"MaximumRetryCount\":3,\"Name\":\"on-failure\"}"},
    {"restart: \"no\"", "HostConfig.RestartPolicy", "{\"Name\":\"no\"}"},
    {"{restart: always, deploy: {restart_policy: {condition: none}}}", "HostConfig.RestartPolicy", "{\"Name\":\"no\"}"},
    {"deploy: {restart_policy: {condition: any}}", "HostConfig.RestartPolicy", "{\"Name\":\"always\"}"},
    {"extra_hosts: ['b:1.2.3.4', 'a=::1']", "HostConfig.ExtraHosts", "[\"a:::1\",\"b:1.2.3.4\"]"},
    {"dns: 1.1.1.1", "HostConfig.Dns", "[\"1.1.1.1\"]"},
    {"logging: {driver: none, options: {a: b}}", "HostConfig.LogConfig",
     "{\"Config\":{\"a\":\"b\"},\"Type\":\"none\"}"},
    {"cpus: 0.5", "HostConfig.NanoCpus", "500000000"},
    {"mem_limit: 50m", "HostConfig.Memory", "52428800"},
    {"deploy: {resources: {limits: {cpus: '1.5', memory: 1g, pids: 30}}}", "HostConfig.NanoCpus", "1500000000"},
    {"deploy: {resources: {limits: {cpus: '1.5', memory: 1g, pids: 30}}}", "HostConfig.Memory", "1073741824"},
    {"deploy: {resources: {limits: {cpus: '1.5', memory: 1g, pids: 30}}}", "HostConfig.PidsLimit", "30"},
    {"deploy: {resources: {reservations: {devices: [{driver: nvidia, count: 1, capabilities: [gpu]}]}}}",
     "HostConfig.DeviceRequests", "[{\"Capabilities\":[[\"gpu\"]],\"Count\":1,\"Driver\":\"nvidia\"}]"},
    {"deploy: {resources: {reservations: {devices: [{device_ids: ['0'], capabilities: [gpu, utility]}]}}}",
     "HostConfig.DeviceRequests", "[{\"Capabilities\":[[\"gpu\",\"utility\"]],\"DeviceIDs\":[\"0\"]}]"},
    {"gpus: all", "HostConfig.DeviceRequests", "[{\"Capabilities\":[[\"gpu\"]],\"Count\":-1}]"},
    {"devices: ['/dev/null:/dev/x:r', /dev/zero]", "HostConfig.Devices",
     "[{\"CgroupPermissions\":\"r\",\"PathInContainer\":\"/dev/x\",\"PathOnHost\":\"/dev/null\"},"
     "{\"CgroupPermissions\":\"rwm\",\"PathInContainer\":\"/dev/zero\",\"PathOnHost\":\"/dev/zero\"}]"},
    {"blkio_config: {weight: 300, device_read_bps: [{path: /dev/sda, rate: 1mb}]}", "HostConfig.BlkioDeviceReadBps",
     "[{\"Path\":\"/dev/sda\",\"Rate\":1048576}]"},
    {"ulimits: {nproc: 5, nofile: {soft: 1, hard: 2}}", "HostConfig.Ulimits",
     "[{\"Hard\":2,\"Name\":\"nofile\",\"Soft\":1},{\"Hard\":5,\"Name\":\"nproc\",\"Soft\":5}]"},
    {"cap_add: [net_admin, ALL, CAP_KILL]", "HostConfig.CapAdd", "[\"ALL\",\"CAP_KILL\",\"CAP_NET_ADMIN\"]"},
    {"sysctls: {a.b: 1}", "HostConfig.Sysctls", "{\"a.b\":\"1\"}"},
    {"shm_size: 64m", "HostConfig.ShmSize", "67108864"},
    {"init: false", "HostConfig.Init", "false"},
    {"security_opt: ['no-new-privileges:true', 'systempaths=unconfined']", "HostConfig.SecurityOpt",
     "[\"no-new-privileges:true\"]"},
    {"security_opt: ['systempaths=unconfined']", "HostConfig.MaskedPaths", "[]"},
    {"network_mode: host", "HostConfig.NetworkMode", "\"host\""},
    {"network_mode: host", "NetworkingConfig", "null"},
    {"network_mode: 'service:other'", "HostConfig.NetworkMode", "\"service:other\""},
    {"", "HostConfig.NetworkMode", "\"p_default\""},
    {"", "NetworkingConfig.EndpointsConfig", "{\"p_default\":{\"Aliases\":[\"p-a-1\",\"a\"]}}"},
    {"networks: {n: {aliases: [z]}, m: {priority: 9, ipv4_address: 10.0.0.4}}", "HostConfig.NetworkMode", "\"p_m\""},
    {"networks: {n: {aliases: [z]}, m: {priority: 9, ipv4_address: 10.0.0.4}}", "NetworkingConfig.EndpointsConfig",
     "{\"p_m\":{\"Aliases\":[\"p-a-1\",\"a\"],\"IPAMConfig\":{\"IPv4Address\":\"10.0.0.4\"}},"
     "\"p_n\":{\"Aliases\":[\"p-a-1\",\"a\",\"z\"]}}"},
    {"links: ['other:o']", "HostConfig.Links", "[\"p-other-1:o\",\"p-other-1:other-1\",\"p-other-1:p-other-1\"]"},
    {"external_links: [far]", "HostConfig.Links", "[\"far:far\"]"},
};

static const char frame[] = "services:\n"
                            "  other: {image: y}\n"
                            "  a: %s%s%s\n"
                            "volumes: {vol: {}}\n"
                            "networks: {n: {}, m: {}}\n"
                            "secrets: {file: {file: /s}, text: {environment: SECRET}}\n"
                            "configs: {cfile: {file: /c}, text: {content: 'hello $$x'}}\n"
                            "%s";

static struct fleet *load_service(struct fleet_case *c, const char *keys, const char *rest) {
  char text[4096];
  bool map = *keys == '{';
  snprintf(text, sizeof(text), frame, "{image: x, ", map ? keys + 1 : keys, map ? "" : "}", rest);
  return case_load(c, text);
}

static void keys_go_where_compose_puts_them(void **state) {
  for (size_t i = 0; i < COUNT_OF(bodies); i++) {
    struct fleet *f = load_service(*state, bodies[i].service, "");
    const cJSON *found = json_at(fleet_service(f, "a")->body, bodies[i].path);
    CLEANUP_FREE char *text = found ? json_canonical(found) : strdup("null");
    if (strcmp(text, bodies[i].expected) != 0)
      fail_msg("%s: %s is %s, expected %s", bodies[i].service, bodies[i].path, text, bodies[i].expected);
  }
}

static void labels_are_composes(void **state) {
  struct fleet *f = load_service(*state, "labels: {l: v, com.docker.compose.project: mine}, depends_on: [other]", "");
  const cJSON *labels = json_get(fleet_service(f, "a")->body, "Labels");
  assert_string_equal(json_str(labels, "l", ""), "v");
  assert_string_equal(json_str(labels, "com.docker.compose.project", ""), "p");
  assert_string_equal(json_str(labels, "com.docker.compose.service", ""), "a");
  assert_string_equal(json_str(labels, "com.docker.compose.container-number", ""), "1");
  assert_string_equal(json_str(labels, "com.docker.compose.oneoff", ""), "False");
  assert_string_equal(json_str(labels, "com.docker.compose.depends_on", ""), "other:service_started:false");
  assert_string_equal(json_str(labels, "com.docker.compose.project.working_dir", ""), f->working_dir);
  assert_string_equal(json_str(labels, "com.docker.compose.project.config_files", ""), f->files.items[0]);
  assert_int_equal(strlen(json_str(labels, "com.docker.compose.config-hash", "")), 64);
}

#define LIMITS "x-tandem: {limits: {cpu_percent: 80, memory_mb: 2048, max_threads: 4, pids: 128}}\n"

static void expect_limits(struct fleet *f, double nano, double memory, double pids) {
  const struct service *s = fleet_service(f, "a");
  const cJSON *host = json_get(s->body, "HostConfig");
  assert_true((double)json_int(host, "NanoCpus", 0) == nano);
  assert_true((double)json_int(host, "Memory", 0) == memory);
  assert_true((double)json_int(host, "PidsLimit", 0) == pids);
  assert_true(s->limits.cpu_percent == nano / 1e7);
  assert_int_equal(s->limits.pids, (int)pids);
}

static void limits_fill_what_compose_leaves(void **state) {
  expect_limits(load_service(*state, "tty: true", LIMITS), 8e8, 2147483648, 128);
  expect_limits(load_service(*state, "cpus: 2, mem_limit: 1g, pids_limit: 20", LIMITS), 2e9, 1073741824, 20);
  expect_limits(load_service(*state, "deploy: {resources: {limits: {cpus: '0.1', memory: 6m, pids: 17}}}", LIMITS), 1e8,
                6291456, 17);
  expect_limits(load_service(*state, "cpu_quota: 5000", LIMITS), 0, 2147483648, 128);
}

static void threads_size_the_pools(void **state) {
  struct fleet *f = load_service(*state, "environment: {OMP_NUM_THREADS: 9, Z: 1}", LIMITS);
  CLEANUP_FREE char *text = json_text(json_get(fleet_service(f, "a")->body, "Env"));
  assert_string_equal(text, "[\"MKL_NUM_THREADS=4\",\"NUMEXPR_MAX_THREADS=4\",\"OMP_NUM_THREADS=9\","
                            "\"OPENBLAS_NUM_THREADS=4\",\"Z=1\"]");
}

static void texts_become_files(void **state) {
  static const char *const environment[] = {"SECRET=hush", NULL};
  struct fleet_case *c = *state;
  c->options.environ = environment;
  struct fleet *f = load_service(c, "secrets: [{source: text, mode: 0o400, uid: '7'}], configs: [text]", "");
  CLEANUP_FREE char *text = json_canonical(fleet_service(f, "a")->files);
  assert_string_equal(text, "[{\"content\":\"hush\",\"gid\":\"0\",\"mode\":256,\"path\":\"/run/secrets/text\",\"uid\":"
                            "\"7\"},{\"content\":\"hello $x\",\"gid\":\"0\",\"mode\":292,\"path\":\"/text\",\"uid\":"
                            "\"0\"}]");
}

/* As `docker compose config --hash` gives them for the same services. */
static void hashes_are_composes(void **state) {
  static const struct {
    const char *service;
    const char *hash;
  } hashes[] = {
      {"tty: true", "795e3658a478c2bcbf317f6930a0a2416533c823c3d0d04624fe505480f59369"},
      {"environment: {A: '<&>', B: }, deploy: {replicas: 1}, depends_on: [other], cpus: 0.1",
       "ece941349621204bd818900de1ef464e6c558ef77a434184858c0854aeb0649c"},
      {"ports: ['80:80'], volumes: ['vol:/v'], healthcheck: {test: x, interval: 90s}, ulimits: {nofile: 5}",
       "0d7706ca9c06dd9df203c41c1d3ea171f0a5dbdd7c01d1462fab302279fe7be9"},
      {"build: {context: .}, pull_policy: always, command: 'a $$b'",
       "a1b58cb9a2ffc47529a26a9f8c3af08155080c8c1442f9827fb03846fb1f7062"},
  };
  for (size_t i = 0; i < COUNT_OF(hashes); i++) {
    char hex[65];
    struct fleet *f = load_service(*state, hashes[i].service, "");
    assert_int_equal(fleet_service_config_hash(f, fleet_service(f, "a"), hex, NULL), 0);
    assert_string_equal(hex, hashes[i].hash);
  }
}

static void equal_input_gives_equal_text(void **state) {
  struct fleet_case *c = *state;
  CLEANUP_FREE char *first =
      json_text(load_service(c, "networks: [n, m], volumes: ['vol:/v']", LIMITS)->services[0].body);
  CLEANUP_FREE char *again =
      json_text(load_service(c, "networks: [n, m], volumes: ['vol:/v']", LIMITS)->services[0].body);
  assert_string_equal(first, again);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup_teardown(f, case_setup, case_teardown)
  const struct CMUnitTest tests[] = {
      TEST(keys_go_where_compose_puts_them), TEST(labels_are_composes), TEST(limits_fill_what_compose_leaves),
      TEST(threads_size_the_pools),          TEST(texts_become_files),  TEST(hashes_are_composes),
      TEST(equal_input_gives_equal_text),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
