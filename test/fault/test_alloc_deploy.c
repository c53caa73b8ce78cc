/* Every allocation of one deploy fails once, alone and with all after it: of a first deploy, an update, and a failing
 * release that is put back, each by a session on the scripted engine. The session ends, its loop closes, nothing
 * leaks; what it says is true; and a recovery with memory makes the fleet exactly the old or exactly the new one.
 * TANDEM_FAULT=full: every allocation, else a sample. */
#include "test/fault/alloc_fault.h"

#include <sqlite3.h>

#include "api/base/buf.h"
#include "controller/daemon/session.h"
#include "test/fault/scripted_engine.h"
#include "test/unit/scratch.h"

enum { SAMPLE = 199, SERVICES = 3 };

static const char manifest[] = "name: p\n"
                               "x-tandem:\n"
                               "  machines: {one: {endpoint: 'unix://${SOCKET}', address: 10.0.0.1}}\n"
                               "  tiers: {cpu: {build: {context: tier}}}\n"
                               "  services: {'*': {machine: one}, web: {tier: cpu}}\n"
                               "  update: {monitor: 20ms, parallelism: 4}\n"
                               "services:\n"
                               "  db:\n"
                               "    image: busy:1\n"
                               "    restart: always\n"
                               "    mem_limit: ${MEMORY}\n"
                               "    volumes: ['data:/data']\n"
                               "    stop_grace_period: 1s\n"
                               "  web:\n"
                               "    build: {context: web}\n"
                               "    restart: unless-stopped\n"
                               "    environment: ['V=${V}', 'FAIL=${FAIL}']\n"
                               "    ports: ['80:80']\n"
                               "    networks: [default, side]\n"
                               "    configs: [{source: c1, target: /c1}]\n"
                               "    depends_on: [db]\n"
                               "  job:\n"
                               "    image: busy:1\n"
                               "    environment: ['V=${V}']\n"
                               "networks: {side: {}}\n"
                               "volumes: {data: {}}\n"
                               "configs: {c1: {content: c}}\n";

struct release {
  const char *v, *fail, *memory;
};

struct scenario {
  const char *name;
  struct release before, now; /* v NULL: nothing is there */
  enum session_result ends;
};

static const struct scenario scenarios[] = {
    {"first deploy", {NULL, "0", "64m"}, {"1", "0", "64m"}, SESSION_DONE},
    {"update", {"1", "0", "64m"}, {"2", "0", "128m"}, SESSION_DONE},
    {"put back", {"1", "0", "64m"}, {"2", "1", "64m"}, SESSION_PUT_BACK},
};

struct bench {
  struct scratch scratch;
  struct scripted_engine engine;
  const struct scenario *scenario;
  char *before; /* the engine's state, as a text without times */
  int64_t base;
};

static bool loop_closed; /* of the latest session */

int __real_uv_loop_close(struct uv_loop_s *loop);
int __wrap_uv_loop_close(struct uv_loop_s *loop);
int __wrap_uv_loop_close(struct uv_loop_s *loop) {
  int rc = __real_uv_loop_close(loop);
  loop_closed = rc == 0;
  return rc;
}

/* --- one command ------------------------------------------------------------------------------------------------- */

struct command {
  char environ[4][120];
  const char *environ_list[5];
  char file[100], state_dir[100];
  const char *files[1];
  struct session_options options;
};

static void command_init(struct bench *b, const struct release *r, struct command *c) {
  snprintf(c->environ[0], sizeof(c->environ[0]), "SOCKET=%s", b->engine.socket);
  snprintf(c->environ[1], sizeof(c->environ[1]), "V=%s", r->v ? r->v : "0");
  snprintf(c->environ[2], sizeof(c->environ[2]), "FAIL=%s", r->fail);
  snprintf(c->environ[3], sizeof(c->environ[3]), "MEMORY=%s", r->memory);
  for (size_t i = 0; i < 4; i++)
    c->environ_list[i] = c->environ[i];
  c->environ_list[4] = NULL;
  snprintf(c->file, sizeof(c->file), "%s/f.yaml", b->scratch.dir);
  snprintf(c->state_dir, sizeof(c->state_dir), "%s/state", b->scratch.dir);
  c->files[0] = c->file;
  c->options = (struct session_options){
      .manifest = {.files = c->files, .file_count = 1, .environ = c->environ_list},
      .state_dir = c->state_dir,
      .command = "test",
  };
}

/* tandem apply. 1: there was nothing to do. */
static int apply(struct bench *b, const struct release *r, struct outcome *ret_outcome, struct err *err) {
  struct command c;
  struct session *s = NULL;
  struct plan *plan = NULL;
  struct state *state = NULL;
  command_init(b, r, &c);
  int rc = session_new(&c.options, &s, err);
  if (rc == 0)
    rc = session_state(s, true, &state, err);
  if (rc == 0)
    rc = session_plan_apply(s, NULL, 0, false, 0, &plan, err);
  if (rc == 0)
    rc = plan_is_empty(plan) ? 1 : session_run(s, plan, "test", ret_outcome, err);
  plan_free(plan);
  session_free(s);
  return rc;
}

/* tandem recover, and what holds then. */
static int recover(struct bench *b, const struct release *r, struct outcome *ret_outcome, int64_t *ret_current,
                   struct err *err) {
  struct command c;
  struct session *s = NULL;
  struct state *state = NULL;
  bool found;
  command_init(b, r, &c);
  int rc = session_new(&c.options, &s, err);
  if (rc == 0)
    rc = session_state(s, true, &state, err);
  if (rc == 0)
    rc = session_recover(s, &found, ret_outcome, err);
  if (rc == 0)
    rc = state_current(state, "p", ret_current, err);
  session_free(s);
  return rc;
}

/* --- the stage --------------------------------------------------------------------------------------------------- */

static void control(struct bench *b, const char *path) {
  free(scripted_ask(&b->engine, path));
}

static void copy_file(const char *from, const char *to) {
  char data[65536];
  ssize_t n;
  int in = open(from, O_RDONLY | O_CLOEXEC), out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  assert_true(in >= 0 && out >= 0);
  while ((n = read(in, data, sizeof(data))) > 0)
    assert_int_equal(write(out, data, (size_t)n), n);
  assert_int_equal(n, 0);
  close(in);
  close(out);
}

static void state_path(const struct bench *b, const char *folder, const char *name, char path[SCRIPTED_PATH]) {
  snprintf(path, SCRIPTED_PATH, "%.60s/%.20s/%.20s", b->scratch.dir, folder, name);
}

static void clear_state(const struct bench *b) {
  static const char *const names[] = {"state.db", "state.db-wal", "state.db-shm", "lock"};
  char path[SCRIPTED_PATH];
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    state_path(b, "state", names[i], path);
    if (unlink(path) < 0)
      assert_int_equal(errno, ENOENT);
  }
}

static void move_state(const struct bench *b, const char *from_folder, const char *to_folder) {
  char from[SCRIPTED_PATH], to[SCRIPTED_PATH];
  state_path(b, from_folder, "state.db", from);
  state_path(b, to_folder, "state.db", to);
  if (access(from, F_OK) == 0)
    copy_file(from, to);
}

/* Back to where the scenario begins. */
static void set_stage(struct bench *b) {
  control(b, "/_back");
  clear_state(b);
  move_state(b, "kept", "state");
}

/* An intent's call may take effect late: recovery comes a minute later. */
static void let_time_pass(const struct bench *b) {
  char path[SCRIPTED_PATH];
  sqlite3 *db = NULL;
  state_path(b, "state", "state.db", path);
  if (access(path, F_OK) < 0)
    return;
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  sqlite3_exec(db, "UPDATE journal SET at_us = at_us - 60000000", NULL, NULL, NULL); /* or there is no table yet */
  sqlite3_close(db);
}

/* A lock that could not be given back without memory is a dead holder's, and no part of the fleet. */
static bool is_lock(const cJSON *container) {
  return strcmp(json_str(json_at(container, "Config.Labels"), "tandem.role", ""), "lock") == 0;
}

/* Everything of the project, one line each. */
static char *picture(struct bench *b) {
  struct buf text = BUF_INIT(0);
  CLEANUP_FREE char *body = scripted_ask(&b->engine, "/_all");
  CLEANUP_JSON cJSON *all = cJSON_Parse(body);
  const cJSON *it;
  cJSON_ArrayForEach(it, json_get(all, "containers")) if (!is_lock(it))
      buf_printf(&text, NULL, "%s %s %.6s policy=%s memory=%lld\n", json_str(it, "Name", ""),
                 json_str(json_get(it, "State"), "Status", ""), json_str(it, "Id", "") + 58,
                 json_str(json_at(it, "HostConfig.RestartPolicy"), "Name", ""),
                 (long long)json_int(json_get(it, "HostConfig"), "Memory", 0));
  cJSON_ArrayForEach(it, json_get(all, "networks")) buf_printf(&text, NULL, "network %s\n", json_str(it, "Name", ""));
  cJSON_ArrayForEach(it, json_get(all, "volumes")) buf_printf(&text, NULL, "volume %s\n", json_str(it, "Name", ""));
  return buf_steal(&text);
}

/* --- what must be ------------------------------------------------------------------------------------------------ */

static const char *env_of(const cJSON *container, const char *name) {
  const cJSON *item;
  size_t len = strlen(name);
  cJSON_ArrayForEach(item, json_at(container, "Config.Env")) {
    if (strncmp(item->valuestring, name, len) == 0 && item->valuestring[len] == '=')
      return item->valuestring + len + 1;
  }
  return NULL;
}

static bool is_parked(const char *name) {
  const char *dot = strrchr(name, '.');
  return dot && dot[1] == 'r';
}

/* Each service once, running, as the release says; else only what is parked. */
static bool is_new(struct bench *b, char why[ALLOC_WHY]) {
  const struct release *r = &b->scenario->now;
  CLEANUP_FREE char *body = scripted_ask(&b->engine, "/_all");
  CLEANUP_JSON cJSON *all = cJSON_Parse(body);
  const cJSON *c;
  int live = 0;
  cJSON_ArrayForEach(c, json_get(all, "containers")) {
    const char *name = json_str(c, "Name", ""), *v = env_of(c, "V");
    bool running = scripted_is_running(c);
    int64_t memory = json_int(json_get(c, "HostConfig"), "Memory", 0);
    if (is_lock(c) || (is_parked(name) && !running))
      continue;
    if (!running || (v && strcmp(v, r->v) != 0) || (!v && memory != atoll(r->memory) << 20)) {
      snprintf(why, ALLOC_WHY, "%s is not the new fleet's", name);
      return false;
    }
    live++;
  }
  if (live != SERVICES)
    snprintf(why, ALLOC_WHY, "%d containers run", live);
  return live == SERVICES;
}

static bool is_told_truly(int rc, const struct err *err, const struct outcome *o, bool committed, char why[ALLOC_WHY]) {
  static const char *const names[] = {"done", "failed clean", "put back", "stuck"};
  if (rc < 0 && err->kind != ERR_NO_MEMORY) {
    snprintf(why, ALLOC_WHY, "says %s: %s", err_kind_name(err->kind), err_text(err));
    return false;
  }
  bool done = rc == 0 && o->result == SESSION_DONE;
  bool back = rc == 0 && (o->result == SESSION_FAILED_CLEAN || o->result == SESSION_PUT_BACK);
  if ((done && !committed) || (back && committed)) {
    snprintf(why, ALLOC_WHY, "says %s, but the %s revision holds", names[o->result], committed ? "new" : "old");
    return false;
  }
  return true;
}

static bool is_whole(struct bench *b, int64_t current, const struct outcome *recovered, char why[ALLOC_WHY]) {
  bool committed = current != b->base;
  CLEANUP_FREE char *now = picture(b);
  if (recovered->result == SESSION_STUCK) {
    snprintf(why, ALLOC_WHY, "the recovery is stuck: %s\n%s", recovered->left.count ? recovered->left.items[0] : "?",
             now);
    return false;
  }
  if (committed)
    return is_new(b, why);
  if (strcmp(now, b->before) == 0)
    return true;
  snprintf(why, ALLOC_WHY, "not the old fleet. Before:\n%sNow:\n%s", b->before, now);
  return false;
}

static bool deploy_once(void *arg, long at, bool once, char why[ALLOC_WHY]) {
  struct bench *b = arg;
  struct outcome outcome = {0}, recovered = {0};
  struct err err = ERR_INIT, recover_err = ERR_INIT;
  int64_t current = -1;
  set_stage(b);
  loop_closed = true;
  alloc_arm(at, once);
  int rc = apply(b, &b->scenario->now, &outcome, &err);
  alloc_disarm();
  bool ok = loop_closed;
  if (!ok)
    snprintf(why, ALLOC_WHY, "the loop does not close");
  let_time_pass(b);
  if (ok && recover(b, &b->scenario->now, &recovered, &current, &recover_err) < 0) {
    snprintf(why, ALLOC_WHY, "cannot be recovered: %s", err_text(&recover_err));
    ok = false;
  }
  ok = ok && is_told_truly(rc, &err, &outcome, current != b->base, why) && is_whole(b, current, &recovered, why);
  outcome_release(&outcome);
  outcome_release(&recovered);
  err_release(&err);
  err_release(&recover_err);
  return ok;
}

/* --- scenarios --------------------------------------------------------------------------------------------------- */

/* In a child: the matrix forks, and a loop's threads do not come along. */
static void prepare(struct bench *b) {
  const struct scenario *s = b->scenario;
  struct outcome outcome = {0};
  struct err err = ERR_INIT;
  int status;
  control(b, "/_new");
  clear_state(b);
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    int rc = s->before.v ? apply(b, &s->before, &outcome, &err) : 0;
    if (rc < 0 || outcome.result != SESSION_DONE)
      fprintf(stderr, "%s\n", rc < 0 ? err_text(&err) : json_str(outcome.failure, "reason", "?"));
    _exit(rc == 0 && outcome.result == SESSION_DONE ? 0 : 1);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
  control(b, "/_keep");
  move_state(b, "state", "kept");
  b->base = s->before.v != NULL;
  b->before = picture(b);
}

/* Without a failure: what the scenario is to show. */
static void expect_course(struct bench *b) {
  int status;
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    char why[ALLOC_WHY] = "";
    struct outcome outcome = {0};
    struct err err = ERR_INIT;
    set_stage(b);
    int rc = apply(b, &b->scenario->now, &outcome, &err);
    bool ok = rc == 0 && outcome.result == b->scenario->ends && (outcome.result != SESSION_DONE || is_new(b, why));
    if (!ok)
      fprintf(stderr, "%d %d %s %s %s\n", rc, (int)outcome.result, err_text(&err), why,
              json_str(outcome.failure, "reason", ""));
    _exit(ok ? 0 : 1);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  assert_int_equal(status, 0);
}

static void run_scenario(struct bench *b, const struct scenario *s) {
  const char *fault = getenv("TANDEM_FAULT");
  b->scenario = s;
  prepare(b);
  expect_course(b);
  alloc_run(s->name, deploy_once, b, fault && strcmp(fault, "full") == 0 ? 1 : SAMPLE);
  free(b->before);
  b->before = NULL;
}

static void a_first_deploy_survives_without_memory(void **state) {
  run_scenario(*state, &scenarios[0]);
}

static void an_update_survives_without_memory(void **state) {
  run_scenario(*state, &scenarios[1]);
}

static void putting_back_survives_without_memory(void **state) {
  run_scenario(*state, &scenarios[2]);
}

static struct bench bench;

static int set_up(void **state) {
  struct bench *b = &bench;
  char path[SCRIPTED_PATH];
  if (scratch_init(&b->scratch) < 0 || scratch_write(&b->scratch, "f.yaml", manifest) < 0 ||
      scratch_write(&b->scratch, "tier/Dockerfile", "FROM busy:1\n") < 0 ||
      scratch_write(&b->scratch, "web/Dockerfile", "ARG TIER_IMAGE\nFROM $TIER_IMAGE\n") < 0)
    return -1;
  state_path(b, "state", "", path);
  if (mkdir(path, 0700) < 0)
    return -1;
  state_path(b, "kept", "", path);
  if (mkdir(path, 0700) < 0)
    return -1;
  scripted_begin(&b->engine, b->scratch.dir);
  *state = b;
  return 0;
}

static int tear_down(void **state) {
  struct bench *b = *state;
  if (!b)
    return 0;
  scripted_end(&b->engine);
  scratch_release(&b->scratch);
  return 0;
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_first_deploy_survives_without_memory),
      cmocka_unit_test(an_update_survives_without_memory),
      cmocka_unit_test(putting_back_survives_without_memory),
  };
  alloc_install();
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  return cmocka_run_group_tests(tests, set_up, tear_down);
}
