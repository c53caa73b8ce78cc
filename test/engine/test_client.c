/* The client against the testbed's real engines: each row of ENGINE_API.md that it meets. Needs `scripts/testbed up`;
 * everything it makes is named tandem-clienttest-* and removed again. */
#include <fcntl.h>
#include <unistd.h>

#include "test/engine/client_wait.h"

#define PREFIX "tandem-clienttest-"
#define IMAGE "tandem-testbed/busybox:1"
#define NO_ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

struct beds {
  uv_loop_t loop;
  struct engine *e;   /* mainpc */
  struct engine *pc2; /* over TLS */
  char dir[200];      /* the testbed's */
};

static char scratch[] = "/tmp/tandem-clienttest-XXXXXX";

static const char *setting(const char *name, const char *fallback) {
  const char *value = getenv(name);
  return value && *value ? value : fallback;
}

static struct engine *engine_with(uv_loop_t *loop, const struct engine_options *options) {
  struct engine *e = NULL;
  CLEANUP_ERR struct err err = ERR_INIT;
  if (engine_new(loop, options, &e, &err) < 0)
    fail_msg("%s", err_text(&err));
  return e;
}

static void open_ok(uv_loop_t *loop, struct engine *e) {
  CLEANUP_RESULT r = {0};
  engine_open(e, on_result, &r);
  wait_ok(loop, &r);
  assert_true(engine_api_minor(e) >= 41);
  assert_true(engine_ncpu(e) >= 1);
  assert_string_not_equal(engine_id(e), "");
  assert_string_equal(engine_version(e), json_str(r.json, "Version", ""));
}

/* A JSON text with ' for ". */
static cJSON *json_of(const char *text) {
  char *copy = strdup(text);
  cJSON *json = NULL;
  CLEANUP_ERR struct err err = ERR_INIT;
  for (char *p = copy; *p; p++)
    if (*p == '\'')
      *p = '"';
  if (json_parse(copy, strlen(copy), &json, &err) < 0)
    fail_msg("%s: %s", copy, err_text(&err));
  free(copy);
  return json;
}

static void create(struct beds *b, const char *name, const char *body, char ret_id[65]) {
  CLEANUP_RESULT r = {0};
  CLEANUP_JSON cJSON *json = json_of(body);
  json_put_str(json, "Image", IMAGE);
  container_create(b->e, name, NULL, json, on_result, &r);
  wait_ok(&b->loop, &r);
  assert_int_equal(r.status, 201);
  snprintf(ret_id, 65, "%s", json_str(r.json, "Id", ""));
}

static void remove_container(struct beds *b, const char *id) {
  CLEANUP_RESULT r = {0};
  container_remove(b->e, id, true, true, on_result, &r);
  wait_ok(&b->loop, &r);
}

static void state_of(struct beds *b, const char *id, const char *status, int exit_code) {
  CLEANUP_RESULT r = {0};
  container_inspect(b->e, id, on_result, &r);
  wait_ok(&b->loop, &r);
  const cJSON *state = json_get(r.json, "State");
  assert_string_equal(json_str(state, "Status", ""), status);
  if (exit_code >= 0)
    assert_int_equal(json_int(state, "ExitCode", -1), exit_code);
}

#define SLEEPER "{'Cmd':['sh','-c','trap exit TERM; while :; do sleep 0.1; done'],'StopTimeout':5}"

static void a_life(void **arg) {
  struct beds *b = *arg;
  char id[65];
  uint64_t mutations = engine_mutations(b->e);
  create(b, PREFIX "life", SLEEPER, id);
  for (int i = 0; i < 2; i++) { /* the second start is a 304 */
    CLEANUP_RESULT r = {0};
    container_start(b->e, id, on_result, &r);
    wait_ok(&b->loop, &r);
    assert_int_equal(r.status, i ? 304 : 204);
  }
  CLEANUP_RESULT list = {0};
  static const char *const labels[] = {"tandem.clienttest=none"};
  container_list(b->e, labels, 1, on_result, &list);
  wait_ok(&b->loop, &list);
  assert_int_equal(cJSON_GetArraySize(list.json), 0);
  CLEANUP_RESULT named = {0};
  container_inspect(b->e, PREFIX "life", on_result, &named);
  wait_ok(&b->loop, &named);
  assert_string_equal(json_str(named.json, "Id", ""), id);
  CLEANUP_RESULT rename = {0};
  container_rename(b->e, id, PREFIX "life.r1", on_result, &rename);
  wait_ok(&b->loop, &rename);
  CLEANUP_RESULT same = {0};
  container_rename(b->e, id, PREFIX "life.r1", on_result, &same);
  wait_err(&b->loop, &same, ERR_HTTP, 400);
  CLEANUP_RESULT running = {0};
  container_remove(b->e, id, false, false, on_result, &running);
  wait_err(&b->loop, &running, ERR_HTTP, 409);
  CLEANUP_RESULT stats = {0};
  container_stats(b->e, id, on_result, &stats);
  wait_ok(&b->loop, &stats);
  assert_non_null(json_get(stats.json, "memory_stats"));
  CLEANUP_RESULT top = {0};
  container_top(b->e, id, "-o pid,args", on_result, &top);
  wait_ok(&b->loop, &top);
  assert_true(cJSON_GetArraySize(json_get(top.json, "Processes")) >= 1);
  for (int i = 0; i < 2; i++) {
    CLEANUP_RESULT r = {0};
    container_stop(b->e, id, i ? -1 : 3, 10, on_result, &r);
    wait_ok(&b->loop, &r);
    assert_int_equal(r.status, i ? 304 : 204);
  }
  remove_container(b, id);
  CLEANUP_RESULT gone = {0};
  container_inspect(b->e, id, on_result, &gone);
  wait_err(&b->loop, &gone, ERR_HTTP, 404);
  assert_int_equal(engine_mutations(b->e) - mutations, 9);
}

static void names_are_not_id_prefixes(void **arg) {
  struct beds *b = *arg;
  char id[65], prefix[5];
  create(b, PREFIX "prefix", SLEEPER, id);
  snprintf(prefix, sizeof(prefix), "%.4s", id);
  uint64_t mutations = engine_mutations(b->e);
  CLEANUP_RESULT inspect = {0};
  container_inspect(b->e, prefix, on_result, &inspect);
  wait_err(&b->loop, &inspect, ERR_HTTP, 404);
  assert_says(&inspect, "took it for an ID");
  CLEANUP_RESULT remove = {0};
  CLEANUP_RESULT start = {0};
  CLEANUP_RESULT named = {0};
  container_remove(b->e, prefix, true, false, on_result, &remove);
  container_start(b->e, PREFIX "prefix", on_result, &start);
  container_stop(b->e, "", 0, 10, on_result, &named);
  wait_err(&b->loop, &remove, ERR_INTERNAL, 0);
  wait_until(&b->loop, &start.completions, 1);
  wait_until(&b->loop, &named.completions, 1);
  assert_int_equal(start.err.kind, ERR_INTERNAL);
  assert_int_equal(named.err.kind, ERR_INTERNAL);
  assert_int_equal(engine_mutations(b->e), mutations);
  state_of(b, id, "created", 0);
  remove_container(b, id);
}

static void a_taken_name(void **arg) {
  struct beds *b = *arg;
  char id[65];
  create(b, PREFIX "taken", SLEEPER, id);
  CLEANUP_RESULT again = {0};
  CLEANUP_JSON cJSON *body = json_of("{'Image':'" IMAGE "','Cmd':['true']}");
  container_create(b->e, PREFIX "taken", NULL, body, on_result, &again);
  wait_err(&b->loop, &again, ERR_HTTP, 409);
  assert_says(&again, "POST /containers/create on mainpc: 409: Conflict. The container name \"/" PREFIX "taken\"");
  assert_false(again.err.retryable);
  remove_container(b, id);
  CLEANUP_RESULT image = {0};
  json_put_str(body, "Image", "tandem-clienttest-no-such-image:1");
  container_create(b->e, PREFIX "noimage", NULL, body, on_result, &image);
  wait_err(&b->loop, &image, ERR_HTTP, 404);
}

static void failing_starts(void **arg) {
  struct beds *b = *arg;
  static const struct {
    const char *body;
    int status;
    int exit_code; /* left in State; -1 not looked at */
  } rows[] = {
      {"{'Cmd':['sleep','9'],'ExposedPorts':{'80/tcp':{}},'HostConfig':{'PortBindings':{'80/"
       "tcp':[{'HostPort':'39871'}]}}}",
       500, 128},
      {"{'Cmd':['sleep','9'],'HostConfig':{'Devices':[{'PathOnHost':'/dev/no-such','PathInContainer':'/dev/x',"
       "'CgroupPermissions':'rwm'}]}}",
       500, 128},
      {"{'Cmd':['sleep','9'],'HostConfig':{'NetworkMode':'tandem-clienttest-no-such-network'}}", 404, 128},
      {"{'Cmd':['no-such-binary']}", 400, 127},
      {"{'Cmd':['/etc']}", 400, 126},
  };
  char holder[65];
  create(b, PREFIX "holder",
         "{'Cmd':['sleep','99'],'ExposedPorts':{'80/tcp':{}},'HostConfig':{'PortBindings':{'80/"
         "tcp':[{'HostPort':'39871'}]}}}",
         holder);
  CLEANUP_RESULT held = {0};
  container_start(b->e, holder, on_result, &held);
  wait_ok(&b->loop, &held);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    char id[65];
    CLEANUP_RESULT r = {0};
    print_message("  failing start %zu\n", i);
    create(b, PREFIX "failing", rows[i].body, id);
    container_start(b->e, id, on_result, &r);
    wait_err(&b->loop, &r, ERR_HTTP, rows[i].status);
    assert_false(r.err.retryable);
    state_of(b, id, "created", rows[i].exit_code);
    remove_container(b, id);
  }
  remove_container(b, holder);
}

static void a_missing_mount_source(void **arg) {
  struct beds *b = *arg;
  char id[65], body[500], folder[100];
  snprintf(folder, sizeof(folder), "%s/source", scratch);
  snprintf(body, sizeof(body), "{'Cmd':['true'],'HostConfig':{'Mounts':[{'Type':'bind','Source':'%s','Target':'/x'}]}}",
           folder);
  CLEANUP_RESULT refused = {0};
  CLEANUP_JSON cJSON *json = json_of(body);
  json_put_str(json, "Image", IMAGE);
  container_create(b->e, PREFIX "mount", NULL, json, on_result, &refused);
  wait_err(&b->loop, &refused, ERR_HTTP, 400);
  assert_int_equal(mkdir(folder, 0755), 0);
  create(b, PREFIX "mount", body, id);
  assert_int_equal(rmdir(folder), 0);
  CLEANUP_RESULT start = {0};
  container_start(b->e, id, on_result, &start);
  wait_err(&b->loop, &start, ERR_HTTP, 400);
  state_of(b, id, "created", -1);
  remove_container(b, id);
}

static void networks(void **arg) {
  struct beds *b = *arg;
  char net[65], first[65], second[65];
  CLEANUP_JSON cJSON *body = json_of("{'Name':'" PREFIX "net','CheckDuplicate':true,'Labels':{'tandem.clienttest':'1'},"
                                     "'IPAM':{'Config':[{'Subnet':'10.199.7.0/24'}]}}");
  CLEANUP_RESULT made = {0};
  network_create(b->e, body, on_result, &made);
  wait_ok(&b->loop, &made);
  snprintf(net, sizeof(net), "%s", json_str(made.json, "Id", ""));
  CLEANUP_RESULT twice = {0};
  network_create(b->e, body, on_result, &twice);
  wait_err(&b->loop, &twice, ERR_HTTP, 409);
  CLEANUP_RESULT list = {0};
  network_list(b->e, "tandem.clienttest=1", on_result, &list);
  wait_ok(&b->loop, &list);
  assert_int_equal(cJSON_GetArraySize(list.json), 1);
  static const char sleeper[] =
      "{'Cmd':['sleep','99'],'HostConfig':{'NetworkMode':'" PREFIX
      "net'},'NetworkingConfig':{'EndpointsConfig':{'" PREFIX "net':{'IPAMConfig':{'IPv4Address':'10.199.7.9'}}}}}";
  create(b, PREFIX "ip1", sleeper, first);
  create(b, PREFIX "ip2", sleeper, second);
  CLEANUP_RESULT start1 = {0};
  container_start(b->e, first, on_result, &start1);
  wait_ok(&b->loop, &start1);
  CLEANUP_RESULT start2 = {0};
  container_start(b->e, second, on_result, &start2); /* static IP in use */
  wait_err(&b->loop, &start2, ERR_HTTP, 403);
  CLEANUP_RESULT off = {0};
  network_disconnect(b->e, net, first, true, on_result, &off);
  wait_ok(&b->loop, &off);
  CLEANUP_RESULT on = {0};
  CLEANUP_JSON cJSON *config = json_of("{'Aliases':['other']}");
  network_connect(b->e, net, first, config, on_result, &on);
  wait_ok(&b->loop, &on);
  CLEANUP_RESULT busy = {0};
  network_remove(b->e, net, on_result, &busy);
  wait_err(&b->loop, &busy, ERR_HTTP, 403);
  CLEANUP_RESULT by_name = {0};
  network_remove(b->e, PREFIX "net", on_result, &by_name);
  wait_err(&b->loop, &by_name, ERR_INTERNAL, 0);
  remove_container(b, first);
  remove_container(b, second);
  CLEANUP_RESULT removed = {0};
  network_remove(b->e, net, on_result, &removed);
  wait_ok(&b->loop, &removed);
  CLEANUP_RESULT gone = {0};
  network_inspect(b->e, net, on_result, &gone);
  wait_err(&b->loop, &gone, ERR_HTTP, 404);
}

static void volumes(void **arg) {
  struct beds *b = *arg;
  CLEANUP_JSON cJSON *body = json_of("{'Name':'" PREFIX "volume','Labels':{'tandem.clienttest':'1'}}");
  CLEANUP_RESULT made = {0};
  CLEANUP_RESULT list = {0};
  CLEANUP_RESULT seen = {0};
  CLEANUP_RESULT removed = {0};
  CLEANUP_RESULT gone = {0};
  volume_create(b->e, body, on_result, &made);
  wait_ok(&b->loop, &made);
  volume_list(b->e, "tandem.clienttest=1", on_result, &list);
  wait_ok(&b->loop, &list);
  assert_int_equal(cJSON_GetArraySize(json_get(list.json, "Volumes")), 1);
  volume_inspect(b->e, PREFIX "volume", on_result, &seen);
  wait_ok(&b->loop, &seen);
  volume_remove(b->e, PREFIX "volume", on_result, &removed);
  wait_ok(&b->loop, &removed);
  volume_inspect(b->e, PREFIX "volume", on_result, &gone);
  wait_err(&b->loop, &gone, ERR_HTTP, 404);
}

static void updates_are_read_back(void **arg) {
  struct beds *b = *arg;
  char id[65];
  create(b, PREFIX "update", "{'Cmd':['sleep','99'],'HostConfig':{'Memory':67108864,'MemorySwap':67108864}}", id);
  CLEANUP_RESULT start = {0};
  container_start(b->e, id, on_result, &start);
  wait_ok(&b->loop, &start);
  CLEANUP_RESULT alone = {0};
  CLEANUP_JSON cJSON *memory = json_of("{'Memory':134217728}");
  container_update(b->e, id, memory, on_result, &alone);
  wait_err(&b->loop, &alone, ERR_HTTP, 409);
  CLEANUP_RESULT both = {0};
  json_put_int(memory, "MemorySwap", 134217728);
  json_put_int(memory, "NanoCpus", 800000000);
  container_update(b->e, id, memory, on_result, &both);
  wait_ok(&b->loop, &both);
  CLEANUP_RESULT nothing = {0}; /* 200, and it does nothing */
  CLEANUP_JSON cJSON *lifted = json_of("{'Memory':0,'NanoCpus':0,'ShmSize':1048576}");
  container_update(b->e, id, lifted, on_result, &nothing);
  wait_ok(&b->loop, &nothing);
  CLEANUP_RESULT seen = {0};
  container_inspect(b->e, id, on_result, &seen);
  wait_ok(&b->loop, &seen);
  const cJSON *host = json_get(seen.json, "HostConfig");
  assert_int_equal(json_int(host, "Memory", 0), 134217728);
  assert_int_equal(json_int(host, "NanoCpus", 0), 800000000);
  assert_int_not_equal(json_int(host, "ShmSize", 0), 1048576);
  remove_container(b, id);
}

static void logs_and_execs(void **arg) {
  struct beds *b = *arg;
  char id[65];
  create(b, PREFIX "logs", "{'Cmd':['sh','-c','echo one; echo two >&2; echo three; exec sleep 99']}", id);
  CLEANUP_RESULT start = {0};
  container_start(b->e, id, on_result, &start);
  wait_ok(&b->loop, &start);
  const struct container_logs_options follow = {.follow = true, .tail = -1};
  const struct container_logs_options last = {.tail = 1};
  CLEANUP_RESULT followed = {0};
  struct engine_call *call = container_logs(b->e, id, false, &follow, on_output_text, on_result, &followed);
  while (followed.out[1].len < 10 || followed.out[2].len < 4)
    uv_run(&b->loop, UV_RUN_ONCE);
  engine_call_cancel(call);
  wait_err(&b->loop, &followed, ERR_CANCELLED, 0);
  assert_string_equal(buf_text(&followed.out[1]), "one\nthree\n");
  assert_string_equal(buf_text(&followed.out[2]), "two\n");
  CLEANUP_RESULT tail = {0};
  container_logs(b->e, id, false, &last, on_output_text, on_result, &tail);
  wait_ok(&b->loop, &tail);
  assert_int_equal(tail.out[1].len + tail.out[2].len > 0, 1);
  static const char *const say[] = {"sh", "-c", "echo $WHO; echo err >&2; exit 7"};
  static const char *const env[] = {"WHO=me"};
  CLEANUP_RESULT exec = {0};
  container_exec(b->e, id, say, 3, env, 1, on_output_text, on_result, &exec);
  wait_ok(&b->loop, &exec);
  assert_int_equal(json_int(exec.json, "ExitCode", -1), 7);
  assert_string_equal(buf_text(&exec.out[1]), "me\n");
  assert_string_equal(buf_text(&exec.out[2]), "err\n");
  static const char *const missing[] = {"no-such-binary"};
  CLEANUP_RESULT no = {0};
  container_exec(b->e, id, missing, 1, NULL, 0, on_output_text, on_result, &no);
  wait_ok(&b->loop, &no);
  assert_in_range(json_int(no.json, "ExitCode", -1), 126, 127);
  assert_true(no.out[1].len > 0); /* told on stdout */
  CLEANUP_RESULT nowhere = {0};
  container_exec(b->e, NO_ID, say, 3, NULL, 0, NULL, on_result, &nowhere);
  wait_err(&b->loop, &nowhere, ERR_HTTP, 404);
  remove_container(b, id);
}

static int collect(void *arg, const void *data, size_t len) {
  struct result *r = arg;
  return buf_append(&r->out[0], data, len, NULL) < 0 || r->number ? 1 : 0;
}

static void archives(void **arg) {
  struct beds *b = *arg;
  char id[65];
  create(b, PREFIX "archive", "{'Cmd':['true']}", id);
  CLEANUP_RESULT get = {0};
  container_archive_get(b->e, id, "/etc/hostname", collect, on_result, &get);
  wait_ok(&b->loop, &get);
  assert_true(get.out[0].len >= 1024);
  assert_string_equal(buf_text(&get.out[0]), "hostname"); /* the tar's first field */
  CLEANUP_RESULT put = {0};
  container_archive_put(b->e, id, "/tmp", get.out[0].data, get.out[0].len, on_result, &put);
  wait_ok(&b->loop, &put);
  CLEANUP_RESULT back = {0};
  container_archive_get(b->e, id, "/tmp/hostname", collect, on_result, &back);
  wait_ok(&b->loop, &back);
  CLEANUP_RESULT stopped = {.number = 1};
  container_archive_get(b->e, id, "/tmp/hostname", collect, on_result, &stopped);
  wait_err(&b->loop, &stopped, ERR_CANCELLED, 0);
  CLEANUP_RESULT missing = {0};
  container_archive_get(b->e, id, "/no/such", collect, on_result, &missing);
  wait_err(&b->loop, &missing, ERR_HTTP, 404);
  remove_container(b, id);
}

static void run(const char *format, const char *a, const char *b) {
  char command[1000];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
  snprintf(command, sizeof(command), format, a, b);
#pragma GCC diagnostic pop
  if (system(command) != 0)
    fail_msg("%s", command);
}

/* A tar of a folder with only this Dockerfile and a file "payload". */
static void make_context(const char *dockerfile, char *ret_path, size_t size) {
  run("mkdir -p %s/context && echo data > %s/context/payload", scratch, scratch);
  run("printf '%%b' '%s' > %s/context/Dockerfile", dockerfile, scratch);
  run("tar -C %s/context -cf %s/context.tar .", scratch, scratch);
  snprintf(ret_path, size, "%s/context.tar", scratch);
}

static void remove_image(struct beds *b, struct engine *e, const char *ref) {
  CLEANUP_RESULT r = {0};
  image_remove(e, ref, on_result, &r);
  wait_ok(&b->loop, &r);
}

static void build_with(struct beds *b, bool buildkit) {
  char tar[300];
  CLEANUP_JSON cJSON *args = json_of("{'WORD':'a b&c'}");
  CLEANUP_JSON cJSON *labels = json_of("{'tandem.clienttest':'x=1'}");
  CLEANUP_JSON cJSON *hosts = json_of("['one:10.0.0.1','two:10.0.0.2']");
  struct image_build_options o = {.tag = PREFIX "image:1",
                                  .dockerfile = "Dockerfile",
                                  .build_args = args,
                                  .labels = labels,
                                  .extra_hosts = hosts,
                                  .no_cache = true,
                                  .buildkit = buildkit};
  make_context("FROM " IMAGE "\\nARG WORD\\nCOPY payload /payload\\n"
               "RUN grep -q one /etc/hosts && grep -q two /etc/hosts && echo out-$WORD\\n",
               tar, sizeof(tar));
  CLEANUP_RESULT r = {0};
  image_build(b->e, &o, tar, on_progress_text, on_result, &r);
  wait_ok(&b->loop, &r);
  assert_non_null(strstr(buf_text(&r.out[0]), "out-a b&c"));
  assert_non_null(strstr(buf_text(&r.out[0]), "COPY payload"));
  CLEANUP_RESULT seen = {0};
  image_inspect(b->e, PREFIX "image:1", on_result, &seen);
  wait_ok(&b->loop, &seen);
  assert_string_equal(json_str(r.json, "Id", "none"), json_str(seen.json, "Id", ""));
  assert_string_equal(json_str(json_at(seen.json, "Config.Labels"), "tandem.clienttest", ""), "x=1");
  remove_image(b, b->e, PREFIX "image:1");
}

static void failing_build(struct beds *b, bool buildkit) {
  char tar[300];
  struct image_build_options o = {.tag = PREFIX "image:1", .dockerfile = "Dockerfile", .buildkit = buildkit};
  make_context("FROM " IMAGE "\\nRUN echo fine\\nRUN echo the reason; exit 3\\n", tar, sizeof(tar));
  CLEANUP_RESULT r = {0};
  image_build(b->e, &o, tar, NULL, on_result, &r);
  wait_err(&b->loop, &r, ERR_ENGINE, 0);
  assert_says(&r, "POST /build on mainpc: ");
  assert_says(&r, "| the reason");
  if (buildkit)
    assert_null(strstr(err_text(&r.err), "| fine"));
  CLEANUP_RESULT nothing = {0};
  image_inspect(b->e, PREFIX "image:1", on_result, &nothing);
  wait_err(&b->loop, &nothing, ERR_HTTP, 404);
}

static void builds(void **arg) {
  build_with(*arg, true);
  build_with(*arg, false);
}

static void failing_builds(void **arg) {
  failing_build(*arg, true);
  failing_build(*arg, false);
}

static void build_of_rubbish(void **arg) {
  struct beds *b = *arg;
  char tar[300];
  snprintf(tar, sizeof(tar), "%s/rubbish", scratch);
  run("head -c 5000000 /dev/urandom > %s/rubbish%s", scratch, "");
  for (int buildkit = 0; buildkit < 2; buildkit++) {
    struct image_build_options o = {.tag = PREFIX "image:1", .dockerfile = "Dockerfile", .buildkit = buildkit};
    CLEANUP_RESULT r = {0};
    image_build(b->e, &o, tar, NULL, on_result, &r);
    wait_for(&b->loop, &r);
    assert_true(r.err.kind != ERR_NONE);
    print_message("  rubbish, buildkit %d: %s: %s\n", buildkit, err_kind_name(r.err.kind), err_text(&r.err));
  }
  CLEANUP_RESULT import = {0};
  image_import(b->e, tar, PREFIX "import:1", on_result, &import);
  wait_for(&b->loop, &import);
  assert_true(import.err.kind == ERR_HTTP || import.err.kind == ERR_ENGINE); /* 20.10: 500; 28: 200 and errorDetail */
}

static void a_cancelled_build(void **arg) {
  struct beds *b = *arg;
  char tar[300];
  struct image_build_options o = {
      .tag = PREFIX "image:1", .dockerfile = "Dockerfile", .buildkit = true, .no_cache = true};
  make_context("FROM " IMAGE "\\nRUN echo begun; sleep 60\\n", tar, sizeof(tar));
  CLEANUP_RESULT r = {0};
  struct engine_call *call = image_build(b->e, &o, tar, on_progress_text, on_result, &r);
  while (!strstr(buf_text(&r.out[0]), "\nbegun\n"))
    uv_run(&b->loop, UV_RUN_ONCE);
  engine_call_cancel(call);
  wait_err(&b->loop, &r, ERR_CANCELLED, 0);
}

static void a_pull_that_fails(void **arg) {
  struct beds *b = *arg;
  CLEANUP_RESULT r = {0};
  image_pull(b->e, "127.0.0.1:9/none:1", NULL, on_progress_text, on_result, &r);
  wait_for(&b->loop, &r);
  assert_true(r.err.kind == ERR_HTTP || r.err.kind == ERR_ENGINE);
  assert_says(&r, "POST /images/create on mainpc: ");
}

static void images_travel(void **arg) {
  struct beds *b = *arg;
  CLEANUP_RESULT tag = {0};
  image_tag(b->e, IMAGE, PREFIX "travel:1", on_result, &tag);
  wait_ok(&b->loop, &tag);
  CLEANUP_RESULT copy = {0};
  image_copy(b->e, b->pc2, PREFIX "travel:1", NULL, on_result, &copy);
  wait_ok(&b->loop, &copy);
  CLEANUP_RESULT here = {0};
  CLEANUP_RESULT there = {0};
  image_inspect(b->e, PREFIX "travel:1", on_result, &here);
  wait_ok(&b->loop, &here);
  image_inspect(b->pc2, PREFIX "travel:1", on_result, &there);
  wait_ok(&b->loop, &there);
  assert_true(json_equal(json_get(here.json, "RootFS"), json_get(there.json, "RootFS")));
  CLEANUP_RESULT list = {0};
  image_list(b->pc2, on_result, &list);
  wait_ok(&b->loop, &list);
  assert_true(cJSON_GetArraySize(list.json) >= 1);
  remove_image(b, b->e, PREFIX "travel:1");
  remove_image(b, b->pc2, PREFIX "travel:1");
  CLEANUP_RESULT missing = {0};
  image_copy(b->e, b->pc2, PREFIX "travel:1", NULL, on_result, &missing);
  wait_for(&b->loop, &missing);
  assert_true(missing.err.kind == ERR_HTTP || missing.err.kind == ERR_ENGINE);
}

static void on_opened(void *arg) {
  ((struct result *)arg)->status = 1;
}

static void on_event(void *arg, const cJSON *event) {
  struct result *r = arg;
  buf_printf(&r->out[0], NULL, "%s ", json_str(event, "Action", ""));
  r->number++;
}

static void events(void **arg) {
  struct beds *b = *arg;
  char id[65];
  CLEANUP_JSON cJSON *filters = json_of("{'label':['tandem.clienttest=events']}");
  CLEANUP_RESULT r = {0};
  struct engine_call *call = engine_events(b->e, filters, on_opened, on_event, on_result, &r);
  wait_until(&b->loop, &r.status, 1);
  create(b, PREFIX "events", "{'Cmd':['true'],'Labels':{'tandem.clienttest':'events'}}", id);
  remove_container(b, id);
  while (r.number < 2)
    uv_run(&b->loop, UV_RUN_ONCE);
  assert_string_equal(buf_text(&r.out[0]), "create destroy ");
  engine_call_cancel(call);
  wait_err(&b->loop, &r, ERR_CANCELLED, 0);
}

static void disk_usage_twice(void **arg) {
  struct beds *b = *arg;
  CLEANUP_RESULT one = {0};
  CLEANUP_RESULT two = {0};
  engine_disk_usage(b->e, on_result, &one);
  engine_disk_usage(b->e, on_result, &two); /* at once, 20.10 would answer 500 */
  wait_ok(&b->loop, &one);
  wait_until(&b->loop, &two.completions, 1);
  assert_int_equal(two.err.kind, ERR_NONE);
}

static void refused_certificates(void **arg) {
  struct beds *b = *arg;
  char ca[300], cert[300], key[300], own_cert[300], own_key[300];
  snprintf(ca, sizeof(ca), "%s", setting("TANDEM_PC2_CA", "/var/tmp/tandem-testbed/tls/ca.pem"));
  snprintf(cert, sizeof(cert), "%s", setting("TANDEM_PC2_CERT", "/var/tmp/tandem-testbed/tls/cert.pem"));
  snprintf(key, sizeof(key), "%s", setting("TANDEM_PC2_KEY", "/var/tmp/tandem-testbed/tls/key.pem"));
  snprintf(own_cert, sizeof(own_cert), "%s/own.pem", scratch);
  snprintf(own_key, sizeof(own_key), "%s/own-key.pem", scratch);
  run("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=stranger -days 1 "
      "-keyout %s -out %s 2>/dev/null",
      own_key, own_cert);
  const struct {
    const char *ca, *cert, *key, *says;
  } rows[] = {
      {ca, own_cert, own_key, "refused our client certificate"}, /* by alert, or by reset */
      {own_cert, cert, key, "the engine's certificate is not trusted"},
      {ca, cert, own_key, "our client certificate or key cannot be used"},
      {ca, "/no/such.pem", key, "our client certificate or key cannot be used"},
      {"/no/such.pem", cert, key, "CA file"},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    CLEANUP_RESULT r = {0};
    struct engine_options o = {.name = "pc2",
                               .endpoint = setting("TANDEM_PC2_ENDPOINT", "tcp://10.77.0.2:2376"),
                               .tls_ca = rows[i].ca,
                               .tls_cert = rows[i].cert,
                               .tls_key = rows[i].key};
    struct engine *e = engine_with(&b->loop, &o);
    engine_open(e, on_result, &r);
    wait_err(&b->loop, &r, ERR_TLS, 0);
    assert_says(&r, rows[i].says);
    assert_false(r.err.retryable);
    close_engine(&b->loop, e);
  }
}

static void plain_http_to_tls(void **arg) {
  struct beds *b = *arg;
  CLEANUP_RESULT r = {0};
  struct engine_options o = {
      .name = "pc2", .endpoint = setting("TANDEM_PC2_ENDPOINT", "tcp://10.77.0.2:2376"), .insecure = true};
  struct engine *e = engine_with(&b->loop, &o);
  engine_open(e, on_result, &r);
  wait_err(&b->loop, &r, ERR_HTTP, 400);
  assert_says(&r, "HTTP request to an HTTPS server");
  close_engine(&b->loop, e);
}

static void bad_options(void **arg) {
  struct beds *b = *arg;
  struct engine *e = NULL;
  CLEANUP_ERR struct err err = ERR_INIT;
  struct engine_options o = {.name = "pc2", .endpoint = "tcp://10.77.0.2:2376", .tls_ca = "ca.pem"};
  assert_int_equal(engine_new(&b->loop, &o, &e, &err), -1);
  assert_int_equal(err.kind, ERR_INPUT);
  o.tls_ca = NULL;
  assert_int_equal(engine_new(&b->loop, &o, &e, &err), -1);
  assert_non_null(strstr(err_text(&err), "machine pc2: endpoint tcp://10.77.0.2:2376"));
  assert_null(e);
}

/* 76 inspects at a time on each engine: none lost, and the time they take is printed. */
static void many_inspects(void **arg) {
  struct beds *b = *arg;
  char id[65];
  struct result r[76] = {0};
  create(b, PREFIX "many", "{'Cmd':['true']}", id);
  CLEANUP_RESULT list = {0};
  uint64_t begin = uv_hrtime();
  container_list(b->e, NULL, 0, on_result, &list);
  wait_ok(&b->loop, &list);
  for (int i = 0; i < 76; i++)
    container_inspect(b->e, id, on_result, &r[i]);
  for (int i = 0; i < 76; i++) {
    wait_until(&b->loop, &r[i].completions, 1);
    assert_int_equal(r[i].status, 200);
    result_release(&r[i]);
  }
  print_message("  list and 76 inspects: %.1f ms\n", (double)(uv_hrtime() - begin) / 1e6);
  remove_container(b, id);
}

static void remove_leftovers(struct beds *b) {
  const cJSON *item;
  CLEANUP_RESULT list = {0};
  container_list(b->e, NULL, 0, on_result, &list);
  wait_ok(&b->loop, &list);
  cJSON_ArrayForEach(item, list.json) {
    const char *name = cJSON_GetStringValue(cJSON_GetArrayItem(json_get(item, "Names"), 0));
    if (name && strncmp(name, "/" PREFIX, strlen(PREFIX) + 1) == 0)
      remove_container(b, json_str(item, "Id", ""));
  }
  CLEANUP_RESULT networks_left = {0};
  network_list(b->e, "tandem.clienttest=1", on_result, &networks_left);
  wait_ok(&b->loop, &networks_left);
  cJSON_ArrayForEach(item, networks_left.json) {
    CLEANUP_RESULT r = {0};
    network_remove(b->e, json_str(item, "Id", ""), on_result, &r);
    wait_ok(&b->loop, &r);
  }
}

static int set_up(void **state) {
  struct beds *b = calloc(1, sizeof(*b));
  char endpoint[300];
  *state = b;
  uv_loop_init(&b->loop);
  if (!mkdtemp(scratch))
    return -1;
  snprintf(b->dir, sizeof(b->dir), "%s", setting("TANDEM_TESTBED", "/var/tmp/tandem-testbed"));
  snprintf(endpoint, sizeof(endpoint), "unix://%s/mainpc/docker.sock", b->dir);
  struct engine_options mainpc = {.name = "mainpc", .endpoint = endpoint};
  struct engine_options pc2 = {.name = "pc2",
                               .endpoint = setting("TANDEM_PC2_ENDPOINT", "tcp://10.77.0.2:2376"),
                               .tls_ca = setting("TANDEM_PC2_CA", "/var/tmp/tandem-testbed/tls/ca.pem"),
                               .tls_cert = setting("TANDEM_PC2_CERT", "/var/tmp/tandem-testbed/tls/cert.pem"),
                               .tls_key = setting("TANDEM_PC2_KEY", "/var/tmp/tandem-testbed/tls/key.pem")};
  b->e = engine_with(&b->loop, &mainpc);
  b->pc2 = engine_with(&b->loop, &pc2);
  open_ok(&b->loop, b->e);
  open_ok(&b->loop, b->pc2);
  remove_leftovers(b);
  return 0;
}

static int tear_down(void **state) {
  struct beds *b = *state;
  char command[200];
  remove_leftovers(b);
  close_engine(&b->loop, b->e);
  close_engine(&b->loop, b->pc2);
  int rc = uv_loop_close(&b->loop);
  free(b);
  snprintf(command, sizeof(command), "rm -rf %s", scratch);
  return rc ? rc : system(command);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_life),
      cmocka_unit_test(names_are_not_id_prefixes),
      cmocka_unit_test(a_taken_name),
      cmocka_unit_test(failing_starts),
      cmocka_unit_test(a_missing_mount_source),
      cmocka_unit_test(networks),
      cmocka_unit_test(volumes),
      cmocka_unit_test(updates_are_read_back),
      cmocka_unit_test(logs_and_execs),
      cmocka_unit_test(archives),
      cmocka_unit_test(builds),
      cmocka_unit_test(failing_builds),
      cmocka_unit_test(build_of_rubbish),
      cmocka_unit_test(a_cancelled_build),
      cmocka_unit_test(a_pull_that_fails),
      cmocka_unit_test(images_travel),
      cmocka_unit_test(events),
      cmocka_unit_test(disk_usage_twice),
      cmocka_unit_test(refused_certificates),
      cmocka_unit_test(plain_http_to_tls),
      cmocka_unit_test(bad_options),
      cmocka_unit_test(many_inspects),
  };
  return cmocka_run_group_tests_name("client", tests, set_up, tear_down);
}
