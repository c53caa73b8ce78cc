/* Every allocation of the loader and of the planner fails once, alone and with all after it: then they say that memory
 * ran out, or have got it right all the same; nothing leaks and nothing is freed twice. TANDEM_FAULT=full: every
 * allocation, else a sample. */
#include "test/fault/alloc_fault.h"

#include "api/base/buf.h"
#include "api/base/json.h"
#include "controller/plan/fields.h"
#include "controller/plan/plan.h"
#include "test/unit/scratch.h"

enum { SAMPLE_LOADER = 29, SAMPLE_PLANNER = 23 };

static long stride(long sample) {
  const char *value = getenv("TANDEM_FAULT");
  return value && strcmp(value, "full") == 0 ? 1 : sample;
}

/* --- a project of all features ----------------------------------------------------------------------------------- */

static const char main_file[] =
    "name: p\n"
    "include: [{path: inc/part.yaml, env_file: inc/part.env}]\n"
    "x-tandem:\n"
    "  machines:\n"
    "    one: {endpoint: 'unix:///one.sock', address: 10.0.0.1}\n"
    "    two: {endpoint: 'tcp://10.0.0.2:2376', address: 10.0.0.2, tls: {ca: ca.pem, cert: c.pem, key: k.pem}}\n"
    "  tiers:\n"
    "    cpu: {build: {context: tier, dockerfile: Dockerfile}}\n"
    "  limits: {cpu_percent: 80, memory_mb: 256, max_threads: 4, pids: 64}\n"
    "  services:\n"
    "    '*': {machine: one, limits: {pids: 99}}\n"
    "    'w*': {machine: two, update: {order: stop-first, monitor: 2s}}\n"
    "    web: {tier: cpu}\n"
    "  update: {order: auto, parallelism: 3, monitor: 1s, retain: 2}\n"
    "x-common: &common\n"
    "  restart: unless-stopped\n"
    "  logging: {driver: json-file, options: {max-size: 10m}}\n"
    "services:\n"
    "  db:\n"
    "    <<: *common\n"
    "    image: registry.example:5000/mysql:8.0\n"
    "    command: --default-authentication-plugin=mysql_native_password 'a b'\n"
    "    environment: {MYSQL_ROOT_PASSWORD: secret, EMPTY: , TAG: '${TAG:-latest}'}\n"
    "    ports: ['3306:3306', '127.0.0.1:8000-8002:8000-8002/udp']\n"
    "    volumes: ['data:/var/lib/mysql', './conf:/etc/conf:ro', {type: tmpfs, target: /t, tmpfs: {size: 1m}}]\n"
    "    secrets: [s1, {source: s2, target: /run/s2, mode: 0400}]\n"
    "    configs: [{source: c1, target: /c1}]\n"
    "    healthcheck: {test: ['CMD', 'mysqladmin', 'ping'], interval: 5s, timeout: 2s, retries: 3, start_period: 1m}\n"
    "    ulimits: {nofile: {soft: 10, hard: 20}, nproc: 5}\n"
    "    sysctls: {net.core.somaxconn: 1024}\n"
    "    cap_add: [NET_ADMIN]\n"
    "    tmpfs: [/run, /tmp]\n"
    "    dns: [8.8.8.8]\n"
    "    extra_hosts: ['h:1.2.3.4']\n"
    "    labels: [a=b, 'c=${C-d}']\n"
    "    stop_grace_period: 3s\n"
    "    deploy: {resources: {limits: {cpus: '0.5', memory: 1g}}, placement: {constraints: ['node.hostname == one']}}\n"
    "  web:\n"
    "    extends: {file: base.yaml, service: base}\n"
    "    build: {context: web, args: {A: '1', B: }, labels: {x: y}, target: t, extra_hosts: ['q:1.1.1.1']}\n"
    "    env_file: [web.env]\n"
    "    depends_on: {db: {condition: service_healthy, restart: true}, part: {condition: service_started}}\n"
    "    networks: {front: {aliases: [w], ipv4_address: 10.9.0.5}, default: {}}\n"
    "    ports: [{target: 80, published: 80}]\n"
    "    devices: ['/dev/null:/dev/x:rwm']\n"
    "    command: [sh, -c, 'echo $$HOME']\n"
    "  tool:\n"
    "    image: tool\n"
    "    profiles: [debug]\n"
    "networks:\n"
    "  front: {driver: bridge, ipam: {config: [{subnet: 10.9.0.0/24, gateway: 10.9.0.1}]}, labels: {l: m}}\n"
    "volumes:\n"
    "  data: {driver: local, driver_opts: {o: x}, labels: {k: v}}\n"
    "secrets:\n"
    "  s1: {file: s1.txt}\n"
    "  s2: {environment: SECRET}\n"
    "configs:\n"
    "  c1: {content: 'c1 ${TAG:-x}'}\n";

static const char part_file[] = "services:\n"
                                "  part:\n"
                                "    image: part:${PART}\n"
                                "    entrypoint: /bin/part --x\n"
                                "    environment: [P=1, Q]\n"
                                "    user: '1000:1000'\n"
                                "    ports: ['7000:7000']\n"
                                "    read_only: true\n"
                                "    deploy: {placement: {constraints: ['node.hostname == one']}}\n";

static const char base_file[] = "services:\n"
                                "  base:\n"
                                "    image: web:1\n"
                                "    environment: {BASE: '1', DUP: base}\n"
                                "    volumes: [/anonymous]\n"
                                "    working_dir: /srv\n"
                                "    init: true\n";

static struct scratch scratch;
static char files_path[128];

static int set_up(void **state) {
  (void)state;
  if (scratch_init(&scratch) < 0)
    return -1;
  snprintf(files_path, sizeof(files_path), "%s/f.yaml", scratch.dir);
  return scratch_write(&scratch, "f.yaml", main_file) || scratch_write(&scratch, "inc/part.yaml", part_file) ||
         scratch_write(&scratch, "inc/part.env", "PART=\"7\" # seven\n") ||
         scratch_write(&scratch, "base.yaml", base_file) || scratch_write(&scratch, "s1.txt", "one\n") ||
         scratch_write(&scratch, "web.env", "# comment\nDUP=env\nexport X='y z'\nMULTI=\"a\\nb ${DUP}\"\n") ||
         scratch_write(&scratch, ".env", "C=from dotenv\n") || scratch_write(&scratch, "conf/x", "x\n") ||
         scratch_write(&scratch, "web/Dockerfile", "ARG TIER_IMAGE\nFROM $TIER_IMAGE\n") ||
         scratch_write(&scratch, "tier/Dockerfile", "FROM x\n");
}

static int tear_down(void **state) {
  (void)state;
  scratch_release(&scratch);
  return 0;
}

static int load(struct fleet **ret_fleet, struct err *err) {
  static const char *const environ[] = {"SECRET=hidden", "Q=from environment", NULL};
  static const char *const profiles[] = {"debug"};
  const char *files[] = {files_path};
  struct manifest_options options = {
      .files = files, .file_count = 1, .environ = environ, .profiles = profiles, .profile_count = 1};
  return manifest_load(&options, ret_fleet, err);
}

/* --- what came out of it ----------------------------------------------------------------------------------------- */

static bool is_told(int rc, const struct err *err, char why[ALLOC_WHY]) {
  if (rc < 0 && err->kind == ERR_NO_MEMORY)
    return true;
  if (rc < 0)
    snprintf(why, ALLOC_WHY, "says %s: %s", err_kind_name(err->kind), err_text(err));
  return rc == 0;
}

/* Where two texts part, for the one who looks into it. */
static bool is_same(const char *what, const char *got, const char *wanted, char why[ALLOC_WHY]) {
  size_t at = 0;
  if (got && strcmp(got, wanted) == 0)
    return true;
  while (got && got[at] && got[at] == wanted[at])
    at++;
  snprintf(why, ALLOC_WHY,
           "says it went well, but %s is not as without a failure, from byte %zu on: %.200s, not %.200s", what, at,
           got ? got + at : "NULL", wanted + at);
  return false;
}

/* --- (a) the loader ---------------------------------------------------------------------------------------------- */

struct loaded {
  char *json, *yaml, *hashes, *desired, *warnings;
};

static void loaded_release(struct loaded *l) {
  free(l->json);
  free(l->yaml);
  free(l->hashes);
  free(l->desired);
  free(l->warnings);
}

static int no_digest(void *arg, const struct build *build, char ret_hex[65], struct err *err) {
  (void)arg;
  (void)build;
  (void)err;
  memset(ret_hex, 'd', 64);
  ret_hex[64] = '\0';
  return 0;
}

static int add_hashes(const struct fleet *fleet, char **ret_text, struct err *err) {
  struct buf text = BUF_INIT(0);
  int rc = 0;
  for (size_t i = 0; rc == 0 && i < fleet->service_count; i++) {
    char hex[65];
    rc = fleet_service_config_hash(fleet, &fleet->services[i], hex, err);
    if (rc == 0)
      rc = buf_printf(&text, err, "%s ", hex);
  }
  *ret_text = rc == 0 ? buf_steal(&text) : NULL;
  buf_release(&text);
  return rc == 0 && !*ret_text ? err_no_memory(err) : rc;
}

/* With memory again. */
static void add_looks(const struct fleet *fleet, struct loaded *l) {
  struct desired *d = NULL;
  struct buf text = BUF_INIT(0);
  for (size_t i = 0; i < fleet->warnings.count; i++)
    buf_printf(&text, NULL, "%s\n", fleet->warnings.items[i]);
  for (size_t i = 0; i < fleet->loaded_files.count; i++)
    buf_printf(&text, NULL, "%s\n", fleet->loaded_files.items[i]);
  l->warnings = buf_steal(&text);
  if (desired_from_fleet(fleet, no_digest, NULL, &d, NULL) == 0)
    l->desired = json_canonical(d->doc);
  desired_free(d);
}

static int load_all(struct loaded *l, struct err *err) {
  struct fleet *fleet = NULL;
  int rc = load(&fleet, err);
  if (rc == 0)
    rc = fleet_check(fleet, err);
  if (rc == 0)
    rc = fleet_config_json(fleet, &l->json, err);
  if (rc == 0)
    rc = fleet_config_yaml(fleet, &l->yaml, err);
  if (rc == 0)
    rc = add_hashes(fleet, &l->hashes, err);
  alloc_disarm();
  if (rc == 0)
    add_looks(fleet, l);
  fleet_free(fleet);
  return rc;
}

static bool load_once(void *arg, long at, bool once, char why[ALLOC_WHY]) {
  const struct loaded *good = arg;
  struct loaded l = {0};
  struct err err = ERR_INIT;
  alloc_arm(at, once);
  int rc = load_all(&l, &err);
  bool ok = is_told(rc, &err, why);
  if (ok && rc == 0)
    ok = is_same("the document", l.json, good->json, why) && is_same("the YAML", l.yaml, good->yaml, why) &&
         is_same("the hashes", l.hashes, good->hashes, why) &&
         is_same("the desired state", l.desired, good->desired, why) &&
         is_same("the list of warnings and files", l.warnings, good->warnings, why);
  loaded_release(&l);
  err_release(&err);
  return ok;
}

static void the_loader_survives_without_memory(void **state) {
  struct loaded good = {0};
  struct err err = ERR_INIT;
  (void)state;
  if (load_all(&good, &err) < 0)
    fail_msg("%s", err_text(&err));
  assert_non_null(good.desired);
  alloc_run("loader", load_once, &good, stride(SAMPLE_LOADER));
  loaded_release(&good);
}

/* --- (b) the planner --------------------------------------------------------------------------------------------- */

/* What an engine says of a container that was made from body; NULL leaves a member as it is. */
static cJSON *inspect_of(const struct desired_service *s, char digit, const char *name, const char *status,
                         const char *image) {
  cJSON *doc = cJSON_CreateObject(), *state = cJSON_CreateObject(), *config = cJSON_Duplicate(s->body, true);
  char id[65] = "";
  memset(id, digit, 64);
  cJSON *host = cJSON_DetachItemFromObjectCaseSensitive(config, "HostConfig");
  cJSON *networks = cJSON_DetachItemFromObjectCaseSensitive(config, "NetworkingConfig"),
        *settings = cJSON_CreateObject();
  json_put_str(doc, "Id", id);
  json_put_str(doc, "Name", name);
  json_put_str(doc, "Image", image);
  json_put_str(state, "Status", status);
  json_put_bool(state, "Running", strcmp(status, "running") == 0);
  json_put(doc, "State", state);
  json_put(settings, "Networks", cJSON_Duplicate(json_get(networks, "EndpointsConfig"), true));
  json_put(doc, "NetworkSettings", settings);
  json_put_str(cJSON_GetObjectItemCaseSensitive(config, "Labels"), "com.docker.compose.service", s->name);
  json_put_str(cJSON_GetObjectItemCaseSensitive(config, "Labels"), "tandem.revision", "3");
  json_put(doc, "Config", config);
  json_put(doc, "HostConfig", host ? host : cJSON_CreateObject());
  cJSON_Delete(networks);
  return doc;
}

#define IMAGE_OLD "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define IMAGE_NEW "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* The engines' documents of one case. */
struct engines {
  cJSON *containers[2], *images[2], *networks[2], *volumes[2]; /* by machine */
};

struct planning {
  struct fleet *fleet;
  struct engines engines;
  const char *kind;
  char *good;
};

static void engines_release(struct engines *e) {
  for (int m = 0; m < 2; m++) {
    cJSON_Delete(e->containers[m]);
    cJSON_Delete(e->images[m]);
    cJSON_Delete(e->networks[m]);
    cJSON_Delete(e->volumes[m]);
  }
}

static void engines_empty(struct engines *e) {
  for (int m = 0; m < 2; m++) {
    e->containers[m] = cJSON_CreateArray();
    e->images[m] = cJSON_Parse("[{\"Id\":\"" IMAGE_OLD "\",\"RepoTags\":[\"part:7\",\"tool:latest\","
                               "\"registry.example:5000/mysql:8.0\"],\"RepoDigests\":[\"part@sha256:1\"]}]");
    e->networks[m] = cJSON_Parse("[{\"Id\":\"n1\",\"Name\":\"bridge\"}]");
    e->volumes[m] = cJSON_Parse("{\"Volumes\":[{\"Name\":\"other\"}]}");
    assert_true(e->images[m] && e->networks[m] && e->volumes[m]);
  }
}

static void put(cJSON *inspect, const char *object, const char *name, cJSON *value) {
  json_put(cJSON_GetObjectItemCaseSensitive(inspect, object), name, value);
}

/* Everything there, and everything different: a re-create, a live update, a start, a move, a removal, parked and left
 * over ones, held images of nobody. */
static void engines_different(struct engines *e, const struct desired *d) {
  engines_empty(e);
  char digit = '1';
  for (size_t i = 0; i < d->service_count; i++) {
    const struct desired_service *s = &d->services[i];
    char name[200];
    snprintf(name, sizeof(name), "/%s", s->container_name);
    bool moves = strcmp(s->name, "part") == 0;
    int m = moves ? 1 : strcmp(s->machine, "two") == 0;
    cJSON *doc = inspect_of(s, digit++, name, strcmp(s->name, "tool") == 0 ? "exited" : "running", IMAGE_OLD);
    if (strcmp(s->name, "db") == 0) {
      put(doc, "HostConfig", "Memory", cJSON_CreateNumber(1 << 20));
      put(doc, "HostConfig", "RestartPolicy", cJSON_Parse("{\"Name\":\"always\"}"));
    } else if (strcmp(s->name, "web") == 0) {
      cJSON *labels = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(doc, "Config"), "Labels");
      json_put_str(labels, "tandem.spec-hash", "other");
      json_put_str(labels, "gone", "1");
      put(doc, "Config", "Env", cJSON_Parse("[\"BASE=2\",\"OLD=1\",\"PASSWORD=x\"]"));
      put(doc, "HostConfig", "ExtraHosts", cJSON_Parse("[\"q:1.2.3.4\"]"));
    }
    cJSON_AddItemToArray(e->containers[m], doc);
    snprintf(name, sizeof(name), "/%s.r2", s->container_name);
    cJSON_AddItemToArray(e->containers[m], inspect_of(s, digit++, name, "exited", IMAGE_OLD));
  }
  struct desired_service gone = d->services[0];
  gone.name = "gone";
  cJSON_AddItemToArray(e->containers[0], inspect_of(&gone, 'e', "/p-gone-1", "running", IMAGE_OLD));
  cJSON_AddItemToArray(e->containers[1], inspect_of(&gone, 'f', "/p-gone-1.n4", "created", IMAGE_OLD));
  cJSON *networks =
      cJSON_Parse("[{\"Id\":\"n2\",\"Name\":\"p_front\",\"Labels\":{\"com.docker.compose.project\":\"p\"}}]");
  cJSON *held =
      cJSON_Parse("[{\"Id\":\"" IMAGE_NEW "\",\"RepoTags\":[\"tandem/p:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\"],\"Labels\":{"
                  "\"tandem.build-hash\":\"x\"}}]");
  for (; cJSON_GetArraySize(held);)
    cJSON_AddItemToArray(e->images[0], cJSON_DetachItemFromArray(held, 0));
  cJSON_Delete(held);
  cJSON_Delete(e->networks[1]);
  e->networks[1] = networks;
}

static int observe(const struct engines *e, struct observed **ret_observed, struct err *err) {
  struct observed *o = calloc(1, sizeof(*o));
  if (!o || !(o->machines = calloc(2, sizeof(*o->machines)))) {
    free(o);
    return err_no_memory(err);
  }
  *ret_observed = o;
  for (int i = 0; i < 2; i++) {
    struct observed_machine *m = &o->machines[o->machine_count++];
    m->name = strdup(i ? "two" : "one");
    m->version = strdup("20.10.24");
    m->api_version = strdup("1.41");
    if (!m->name || !m->version || !m->api_version)
      return err_no_memory(err);
    const cJSON *c;
    cJSON_ArrayForEach(c, e->containers[i]) {
      cJSON *copy = cJSON_Duplicate(c, true);
      if (!copy)
        return err_no_memory(err);
      if (observed_add_container(m, copy, err) < 0)
        return -1;
    }
    if (observed_add_images(m, e->images[i], err) < 0 || observed_add_networks(m, e->networks[i], err) < 0 ||
        observed_add_volumes(m, e->volumes[i], err) < 0)
      return -1;
  }
  observed_sort(o);
  return 0;
}

static int make_plan(const struct planning *p, const struct desired *d, const struct observed *o,
                     struct plan **ret_plan, struct err *err) {
  const char *kept[] = {IMAGE_OLD};
  struct plan_options options = {
      .kind = p->kind, .base_revision = 3, .keep_parked_from = 3, .kept_images = kept, .kept_image_count = 1};
  if (strcmp(p->kind, "down") == 0)
    return plan_down("p", o, &options, ret_plan, err);
  if (strcmp(p->kind, "build") == 0)
    return plan_build(d, o, NULL, 0, &options, ret_plan, err);
  return plan_make(d, o, &options, ret_plan, err);
}

/* As a session does: the stored steps are read back too. */
static int plan_all(const struct planning *p, char **ret_text, struct err *err) {
  struct desired *d = NULL, *stored = NULL;
  struct observed *o = NULL;
  struct plan *plan = NULL;
  struct steps steps = {0};
  cJSON *json = NULL;
  int rc = desired_from_fleet(p->fleet, no_digest, NULL, &d, err);
  if (rc == 0)
    rc = observe(&p->engines, &o, err);
  if (rc == 0)
    rc = make_plan(p, d, o, &plan, err);
  if (rc == 0)
    rc = plan_to_json(plan, &json, err);
  if (rc == 0)
    rc = steps_from_json(json_get(json, "steps"), &steps, err);
  if (rc == 0)
    rc = desired_load(d->doc, "p", &stored, err);
  alloc_disarm();
  if (rc == 0) {
    cJSON *again = NULL;
    assert_int_equal(steps_to_json(&steps, &again, NULL), 0);
    json_put(json, "steps again", again);
    json_put(json, "desired", cJSON_Duplicate(stored->doc, true));
    *ret_text = json_canonical(json);
  }
  steps_release(&steps);
  cJSON_Delete(json);
  plan_free(plan);
  observed_free(o);
  desired_free(stored);
  desired_free(d);
  return rc;
}

static bool plan_once(void *arg, long at, bool once, char why[ALLOC_WHY]) {
  const struct planning *p = arg;
  CLEANUP_FREE char *text = NULL;
  struct err err = ERR_INIT;
  alloc_arm(at, once);
  int rc = plan_all(p, &text, &err);
  bool ok = is_told(rc, &err, why) && (rc < 0 || is_same("the plan", text, p->good, why));
  err_release(&err);
  return ok;
}

static void run_planning(const char *name, const char *kind, bool different) {
  struct planning p = {.kind = kind};
  struct err err = ERR_INIT;
  struct desired *d = NULL;
  if (load(&p.fleet, &err) < 0 || desired_from_fleet(p.fleet, no_digest, NULL, &d, &err) < 0)
    fail_msg("%s", err_text(&err));
  if (different)
    engines_different(&p.engines, d);
  else
    engines_empty(&p.engines);
  if (plan_all(&p, &p.good, &err) < 0)
    fail_msg("%s: %s", name, err_text(&err));
  alloc_run(name, plan_once, &p, stride(SAMPLE_PLANNER));
  free(p.good);
  engines_release(&p.engines);
  desired_free(d);
  fleet_free(p.fleet);
}

static void the_planner_survives_a_first_deploy(void **state) {
  (void)state;
  run_planning("planner, first deploy", "apply", false);
}

static void the_planner_survives_an_update(void **state) {
  (void)state;
  run_planning("planner, update", "apply", true);
}

static void the_planner_survives_a_down(void **state) {
  (void)state;
  run_planning("planner, down", "down", true);
}

static void the_planner_survives_a_build(void **state) {
  (void)state;
  run_planning("planner, build", "build", true);
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_loader_survives_without_memory), cmocka_unit_test(the_planner_survives_a_first_deploy),
      cmocka_unit_test(the_planner_survives_an_update),     cmocka_unit_test(the_planner_survives_a_down),
      cmocka_unit_test(the_planner_survives_a_build),
  };
  alloc_install();
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
