/* The client against a scripted engine: lost replies, silence, rubbish, cuts, cancels and closes in flight. */
#include <netinet/in.h>

#include "test/engine/client_wait.h"
#include "test/engine/fake_engine.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static uv_loop_t loop;

static struct engine *engine_at(const struct fake *fake, int idle_ms) {
  struct engine_options options = {.name = "pc9", .endpoint = fake->endpoint, .idle_timeout_ms = idle_ms};
  struct engine *e;
  CLEANUP_ERR struct err err = ERR_INIT;
  if (engine_new(&loop, &options, &e, &err) < 0)
    fail_msg("%s", err_text(&err));
  return e;
}

static struct engine *opened_at(const struct fake *fake, int idle_ms) {
  struct engine *e = engine_at(fake, idle_ms);
  CLEANUP_RESULT r = {0};
  engine_open(e, on_result, &r);
  wait_ok(&loop, &r);
  assert_int_equal(engine_api_minor(e), 41);
  return e;
}

static bool lose_changes(struct fake *fake, int fd, const char *method, const char *path, int nth) {
  (void)fake, (void)nth;
  if (fake_open(fd, path))
    return true;
  assert_string_equal(method, "POST");
  return false; /* read whole, then hung up: as an engine that dies after the work */
}

/* libcurl resends on a reused connection that ended before a byte came: a change must not happen twice. */
static void a_lost_change_is_sent_once(void **state) {
  (void)state;
  struct fake fake;
  fake_start(&fake, lose_changes);
  struct engine *e = opened_at(&fake, 0);
  CLEANUP_JSON cJSON *body = cJSON_CreateObject();
  for (int i = 0; i < 4; i++) {
    CLEANUP_RESULT r = {0};
    CLEANUP_RESULT info = {0};
    engine_info(e, on_result, &info); /* leaves a connection that could be used again */
    wait_ok(&loop, &info);
    if (i % 2)
      container_create(e, "x", NULL, body, on_result, &r);
    else
      container_start(e, ID, on_result, &r);
    wait_err(&loop, &r, ERR_LOST, 0);
    assert_true(err_is_unknown_result(&r.err));
    assert_false(r.err.retryable);
    assert_says(&r, i % 2 ? "POST /containers/create on pc9: " : "POST /containers/0123456789ab/start on pc9: ");
    assert_int_equal(atomic_load(&fake.posts), i + 1);
  }
  assert_int_equal(engine_mutations(e), 4);
  close_engine(&loop, e);
  fake_stop(&fake);
}

static bool close_after_each(struct fake *fake, int fd, const char *method, const char *path, int nth) {
  (void)fake, (void)method;
  if (!fake_open(fd, path))
    fake_reply(fd, 200, "application/json", "[]");
  return nth < 3; /* the third answer, /info, looks as if the connection stayed open */
}

static void a_get_outlives_a_closed_connection(void **state) {
  (void)state;
  struct fake fake;
  fake_start(&fake, close_after_each);
  struct engine *e = opened_at(&fake, 0);
  for (int i = 0; i < 5; i++) {
    CLEANUP_RESULT r = {0};
    container_list(e, NULL, 0, on_result, &r);
    wait_ok(&loop, &r);
  }
  close_engine(&loop, e);
  fake_stop(&fake);
}

static bool never_answer(struct fake *fake, int fd, const char *method, const char *path, int nth) {
  (void)method, (void)nth;
  if (!fake_open(fd, path))
    fake_await(fake, fd, 1000);
  return true;
}

static void silence_after_the_request(void **state) {
  (void)state;
  struct fake fake;
  fake_start(&fake, never_answer);
  struct engine *e = opened_at(&fake, 100);
  CLEANUP_RESULT r = {0};
  uint64_t begin = uv_hrtime();
  container_list(e, NULL, 0, on_result, &r);
  wait_err(&loop, &r, ERR_TIMEOUT, 0);
  assert_true(r.err.retryable);
  assert_in_range((uv_hrtime() - begin) / 1000000, 90, 1000);
  CLEANUP_RESULT stop = {0};
  container_stop(e, ID, 0, 1, on_result, &stop);
  wait_err(&loop, &stop, ERR_TIMEOUT, 0);
  assert_says(&stop, "POST /containers/0123456789ab/stop on pc9: no complete answer within 1.0 s");
  assert_false(stop.err.retryable);
  close_engine(&loop, e);
  fake_stop(&fake);
}

/* A listener that nobody accepts from: TCP stands, TLS never does, and nothing was sent. */
static void no_handshake_within_the_connect_deadline(void **state) {
  (void)state;
  struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof(addr);
  CLEANUP_CLOSE int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
  assert_int_equal(listen(fd, 4), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
  char endpoint[64], dir[] = "/tmp/tandem-key-XXXXXX", command[400];
  snprintf(endpoint, sizeof(endpoint), "tcp://127.0.0.1:%d", ntohs(addr.sin_port));
  assert_non_null(mkdtemp(dir));
  assert_int_equal(chdir(dir), 0);
  snprintf(command, sizeof(command),
           "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -out cert.pem "
           "-subj /CN=x -days 1 2>/dev/null");
  assert_int_equal(system(command), 0);
  struct engine_options options = {.name = "pc9",
                                   .endpoint = endpoint,
                                   .tls_ca = "cert.pem",
                                   .tls_cert = "cert.pem",
                                   .tls_key = "key.pem",
                                   .connect_timeout_ms = 200};
  struct engine *e;
  assert_int_equal(engine_new(&loop, &options, &e, NULL), 0);
  CLEANUP_RESULT r = {0};
  engine_open(e, on_result, &r);
  wait_err(&loop, &r, ERR_UNREACHABLE, 0);
  assert_says(&r, "no connection to https://127.0.0.1");
  close_engine(&loop, e);
  assert_int_equal(system("rm -f key.pem cert.pem"), 0);
  assert_int_equal(chdir("/"), 0);
  rmdir(dir);
}

static void nobody_listens(void **state) {
  (void)state;
  struct fake none = {.endpoint = "unix:///tmp/tandem-no-such-socket"};
  struct engine *e = engine_at(&none, 0);
  CLEANUP_RESULT r = {0};
  engine_open(e, on_result, &r);
  wait_err(&loop, &r, ERR_UNREACHABLE, 0);
  assert_true(r.err.retryable);
  assert_says(&r, "cannot connect to /tmp/tandem-no-such-socket: No such file or directory");
  CLEANUP_RESULT early = {0};
  container_list(e, NULL, 0, on_result, &early);
  wait_err(&loop, &early, ERR_INTERNAL, 0);
  close_engine(&loop, e);
}

static const char *version_document;
static const char *ping_version;

static bool say_version(struct fake *fake, int fd, const char *method, const char *path, int nth) {
  (void)fake, (void)method, (void)nth;
  char head[200];
  if (strcmp(path, "/_ping") == 0) {
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n%s%s%sContent-Length: 2\r\n\r\nOK",
             ping_version ? "Api-Version: " : "", ping_version ? ping_version : "", ping_version ? "\r\n" : "");
    fake_say(fd, head);
  } else if (strcmp(path, "/version") == 0) {
    fake_reply(fd, 200, "application/json", version_document);
  } else {
    fake_reply(fd, 200, "application/json", "{\"NCPU\":3}");
  }
  return true;
}

static void versions(void **state) {
  (void)state;
  static const struct {
    const char *ping, *document;
    enum err_kind kind;
    const char *says; /* of the error, or the negotiated version */
  } rows[] = {
      {"1.40", "{}", ERR_VERSION, "engine on pc9 speaks API 1.40; tandem needs 1.41 (Docker 20.10) or newer"},
      {NULL, "{\"ApiVersion\":\"1.40\"}", ERR_VERSION, "speaks API 1.40"},
      {"1.60", "{\"ApiVersion\":\"1.60\",\"MinAPIVersion\":\"1.52\"}", ERR_VERSION, "needs API 1.52 or newer"},
      {"1.41", "{\"ApiVersion\":\"one\"}", ERR_VERSION, "does not say which Docker API"},
      {"1.41", "<html>", ERR_PROTOCOL, "GET /version on pc9: not valid JSON"},
      {"1.53", "{\"ApiVersion\":\"1.53\",\"MinAPIVersion\":\"1.44\"}", ERR_NONE, "1.51"},
      {NULL, "{\"ApiVersion\":\"1.47\",\"MinAPIVersion\":\"1.24\"}", ERR_NONE, "1.47"},
      {"1.41", "{\"ApiVersion\":\"1.41\",\"MinAPIVersion\":\"1.12\"}", ERR_NONE, "1.41"},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    struct fake fake;
    CLEANUP_RESULT r = {0};
    ping_version = rows[i].ping;
    version_document = rows[i].document;
    fake_start(&fake, say_version);
    struct engine *e = engine_at(&fake, 0);
    engine_open(e, on_result, &r);
    wait_err(&loop, &r, rows[i].kind, 0);
    if (rows[i].kind)
      assert_says(&r, rows[i].says);
    else
      assert_string_equal(engine_api_version(e), rows[i].says);
    assert_int_equal(engine_ncpu(e), rows[i].kind ? 0 : 3);
    close_engine(&loop, e);
    fake_stop(&fake);
  }
}

static const char *raw_answer;

static bool say_raw(struct fake *fake, int fd, const char *method, const char *path, int nth) {
  (void)fake, (void)method, (void)nth;
  if (fake_open(fd, path))
    return true;
  fake_say(fd, raw_answer);
  return false;
}

static void odd_answers(void **state) {
  (void)state;
  static const struct {
    const char *answer;
    enum err_kind kind;
    int status;
    const char *says;
    bool retryable;
  } rows[] = {
      {"HTTP/1.1 400 X\r\nContent-Type: text/plain\r\n\r\nclient version 1.11 is too old\n", ERR_HTTP, 400,
       "GET /containers/json on pc9: 400: client version 1.11 is too old", false},
      {"HTTP/1.1 500 X\r\nContent-Length: 29\r\n\r\n{\"message\":\"\\u001b[31mbad\\n\"}\n", ERR_HTTP, 500, ": 500: bad",
       true},
      {"HTTP/1.1 503 X\r\n\r\n", ERR_HTTP, 503, "no message", true},
      {"HTTP/1.1 301 X\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", ERR_HTTP, 301, "a redirect",
       false},
      {"HTTP/1.1 200 X\r\nContent-Length: 10\r\n\r\n[]", ERR_LOST, 0, "in the middle of the answer", true},
      {"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n", ERR_LOST, 0, "in the middle", true},
      {"HTTP/1.1 200 X\r\nContent-Length: 3\r\n\r\n[]]", ERR_PROTOCOL, 0, "trailing bytes", false},
      {"HTTP/1.1 200 X\r\nContent-Length: 1\r\n\r\n{", ERR_PROTOCOL, 0, "not valid JSON", false},
      {"SSH-2.0-OpenSSH_9.2\r\n", ERR_PROTOCOL, 0, "not HTTP", false},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    struct fake fake;
    CLEANUP_RESULT r = {0};
    raw_answer = rows[i].answer;
    fake_start(&fake, say_raw);
    struct engine *e = opened_at(&fake, 0);
    container_list(e, NULL, 0, on_result, &r);
    wait_err(&loop, &r, rows[i].kind, rows[i].status);
    assert_says(&r, rows[i].says);
    assert_int_equal(r.err.retryable, rows[i].retryable);
    close_engine(&loop, e);
    fake_stop(&fake);
  }
}

static bool start_slowly(struct fake *fake, int fd, const char *method, const char *path, int nth) {
  (void)method;
  if (fake_open(fd, path))
    return true;
  if (!fake_await(fake, fd, nth - 3 <= 4 ? 1 : 2))
    return false;
  fake_say(fd, "HTTP/1.1 304 Not Modified\r\n\r\n");
  return true;
}

static void changes_queue_and_can_be_cancelled(void **state) {
  (void)state;
  struct fake fake;
  struct result r[10] = {0};
  struct engine_call *calls[10];
  fake_start(&fake, start_slowly);
  struct engine *e = opened_at(&fake, 0);
  atomic_store(&fake.most_busy, 0);
  for (int i = 0; i < 10; i++)
    calls[i] = container_start(e, ID, on_result, &r[i]);
  while (atomic_load(&fake.busy) < 4)
    uv_run(&loop, UV_RUN_NOWAIT);
  engine_call_cancel(calls[0]); /* sent: the engine sees a hang-up */
  engine_call_cancel(calls[7]); /* waiting: never sent */
  assert_int_equal(r[0].completions + r[7].completions, 0);
  wait_until(&loop, &r[7].completions, 1);
  wait_until(&loop, &r[0].completions, 1);
  assert_int_equal(r[0].err.kind, ERR_CANCELLED);
  assert_int_equal(r[7].err.kind, ERR_CANCELLED);
  atomic_store(&fake.gate, 2);
  for (int i = 1; i < 10; i++) {
    if (i == 7)
      continue;
    wait_until(&loop, &r[i].completions, 1);
    assert_int_equal(r[i].status, 304);
  }
  assert_int_equal(engine_mutations(e), 9);
  assert_int_equal(atomic_load(&fake.posts), 9);
  assert_in_range(atomic_load(&fake.most_busy), 4, 5); /* 2 x NCPU; the cancelled one may linger in the fake */
  for (int i = 0; i < 10; i++) {
    assert_int_equal(r[i].completions, 1);
    result_release(&r[i]);
  }
  close_engine(&loop, e);
  fake_stop(&fake);
}

static void close_in_flight(void **state) {
  (void)state;
  struct fake fake;
  struct result r[40] = {0};
  fake_start(&fake, never_answer);
  struct engine *e = opened_at(&fake, 0);
  for (int i = 0; i < 20; i++)
    container_inspect(e, "x", on_result, &r[i]);
  for (int i = 20; i < 40; i++)
    container_start(e, i % 2 ? ID : "x", on_result, &r[i]);
  while (atomic_load(&fake.busy) < 18)
    uv_run(&loop, UV_RUN_NOWAIT);
  close_engine(&loop, e);
  for (int i = 0; i < 40; i++) {
    assert_int_equal(r[i].completions, 1);
    assert_int_equal(r[i].err.kind, i >= 20 && i % 2 == 0 ? ERR_INTERNAL : ERR_CANCELLED);
    result_release(&r[i]);
  }
  fake_stop(&fake);
}

static void close_at_once(void **state) {
  (void)state;
  struct fake fake;
  CLEANUP_RESULT r = {0};
  fake_start(&fake, never_answer);
  struct engine *e = engine_at(&fake, 0);
  engine_open(e, on_result, &r);
  close_engine(&loop, e);
  assert_int_equal(r.completions, 1);
  assert_int_equal(r.err.kind, ERR_CANCELLED);
  close_engine(&loop, engine_at(&fake, 0));
  fake_stop(&fake);
}

struct chained {
  struct engine *e;
  struct result last;
  int closed;
};

static void close_from_callback(void *arg, const struct engine_reply *reply, struct err *err) {
  struct chained *c = arg;
  assert_non_null(reply);
  assert_null(err);
  engine_close(c->e, on_closed, &c->closed);
  container_list(c->e, NULL, 0, on_result, &c->last); /* still completes */
}

static bool answer_lists(struct fake *fake, int fd, const char *method, const char *path, int nth) {
  (void)fake, (void)method, (void)nth;
  if (!fake_open(fd, path))
    fake_reply(fd, 200, "application/json", "[]");
  return true;
}

static void close_inside_a_callback(void **state) {
  (void)state;
  struct fake fake;
  struct chained c = {0};
  fake_start(&fake, answer_lists);
  c.e = opened_at(&fake, 0);
  container_list(c.e, NULL, 0, close_from_callback, &c);
  wait_until(&loop, &c.closed, 1);
  assert_int_equal(c.last.completions, 1);
  assert_int_equal(c.last.err.kind, ERR_CANCELLED);
  result_release(&c.last);
  fake_stop(&fake);
}

/* Frames that arrive byte by byte, an exec whose end the engine notes late. */
static bool run_exec(struct fake *fake, int fd, const char *method, const char *path, int nth) {
  (void)fake, (void)method;
  static const char frames[] = "\1\0\0\0\0\0\0\3out\2\0\0\0\0\0\0\2er";
  if (fake_open(fd, path))
    return true;
  if (strstr(path, "/containers/")) {
    fake_reply(fd, 201, "application/json", "{\"Id\":\"" ID "\"}");
    return true;
  }
  if (strstr(path, "/json")) {
    fake_reply(fd, 200, "application/json", nth < 8 ? "{\"Running\":true}" : "{\"Running\":false,\"ExitCode\":3}");
    return true;
  }
  fake_say(fd, "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n");
  for (size_t i = 0; i < sizeof(frames) - 1; i++)
    fake_write(fd, frames + i, 1);
  return false;
}

static void exec_in_pieces(void **state) {
  (void)state;
  struct fake fake;
  CLEANUP_RESULT r = {0};
  static const char *const argv[] = {"true"};
  fake_start(&fake, run_exec);
  struct engine *e = opened_at(&fake, 0);
  container_exec(e, ID, argv, 1, NULL, 0, on_output_text, on_result, &r);
  wait_ok(&loop, &r);
  assert_int_equal(json_int(r.json, "ExitCode", -1), 3);
  assert_string_equal(buf_text(&r.out[1]), "out");
  assert_string_equal(buf_text(&r.out[2]), "er");
  close_engine(&loop, e);
  fake_stop(&fake);
}

static bool cut_logs(struct fake *fake, int fd, const char *method, const char *path, int nth) {
  (void)fake, (void)method, (void)nth;
  if (fake_open(fd, path))
    return true;
  fake_say(fd, "HTTP/1.1 200 OK\r\n\r\n");
  fake_write(fd, "\1\0\0\0\0\0\0\11begin", 13);
  return false;
}

static void a_cut_log_is_an_error(void **state) {
  (void)state;
  struct fake fake;
  CLEANUP_RESULT r = {0};
  struct container_logs_options all = {.tail = -1};
  fake_start(&fake, cut_logs);
  struct engine *e = opened_at(&fake, 0);
  container_logs(e, ID, false, &all, on_output_text, on_result, &r);
  wait_err(&loop, &r, ERR_LOST, 0);
  assert_string_equal(buf_text(&r.out[1]), "begin");
  close_engine(&loop, e);
  fake_stop(&fake);
}

#define IMAGE_BYTES ((size_t)32 << 20)

static bool send_image(struct fake *fake, int fd, const char *method, const char *path, int nth) {
  (void)method, (void)nth;
  static char piece[65536];
  if (fake_open(fd, path))
    return true;
  if (strstr(path, "missing")) {
    fake_reply(fd, 404, "application/json", "{\"message\":\"reference does not exist\"}");
    return true;
  }
  bool cut = strstr(path, "cut") != NULL;
  fake_say(
      fd,
      "HTTP/1.1 200 OK\r\nContent-Type: application/x-tar\r\nConnection: close\r\nContent-Length: 33554432\r\n\r\n");
  for (size_t sent = 0; sent < (cut ? IMAGE_BYTES / 2 : IMAGE_BYTES); sent += sizeof(piece)) {
    fake_write(fd, piece, sizeof(piece));
    atomic_fetch_add(&fake->body_bytes, sizeof(piece));
  }
  return false;
}

static atomic_int load_mode; /* 1: refuses in the middle of the body and hangs up; 2: 200 and errorDetail at the end */

static bool take_image(struct fake *fake, int fd, const char *method, const char *path, int nth) {
  (void)method, (void)nth;
  char piece[65536];
  if (fake_open(fd, path))
    return true;
  if (!fake_await(fake, fd, 1))
    return false;
  size_t got = 0;
  ssize_t n;
  char last[8] = "";
  while (got < IMAGE_BYTES && (n = recv(fd, piece, sizeof(piece), 0)) > 0) {
    got += (size_t)n;
    if (atomic_load(&load_mode) == 1 && got > IMAGE_BYTES / 4)
      break;
    memcpy(last, piece + (n >= 5 ? n - 5 : 0), 5);
  }
  atomic_store(&fake->body_bytes, got);
  while (atomic_load(&load_mode) != 1 && strcmp(last, "0\r\n\r\n") != 0 && (n = recv(fd, piece, sizeof(piece), 0)) > 0)
    if (n >= 5)
      memcpy(last, piece + n - 5, 5);
  if (atomic_load(&load_mode) != 1 && strcmp(last, "0\r\n\r\n") != 0)
    return false;
  bool ok = atomic_load(&load_mode) == 0;
  fake_reply(fd, 200, "application/json",
             ok ? "{\"stream\":\"Loaded image: x:1\\n\"}\n" : "{\"errorDetail\":{\"message\":\"no space left\"}}\n");
  return false;
}

static void on_bytes(void *arg, uint64_t bytes) {
  ((struct result *)arg)->number = bytes;
}

struct copying {
  struct fake from, to;
  struct engine *source, *target;
};

static void copying_start(struct copying *c) {
  atomic_store(&load_mode, 0);
  fake_start(&c->from, send_image);
  fake_start(&c->to, take_image);
  c->source = opened_at(&c->from, 0);
  c->target = opened_at(&c->to, 0);
  c->to.keep_body = true;
}

static void copying_stop(struct copying *c) {
  if (c->source)
    close_engine(&loop, c->source);
  if (c->target)
    close_engine(&loop, c->target);
  fake_stop(&c->from);
  fake_stop(&c->to);
}

static void copy_holds_back(void **state) {
  (void)state;
  struct copying c = {0};
  CLEANUP_RESULT r = {0};
  copying_start(&c);
  image_copy(c.source, c.target, "x:1", on_bytes, on_result, &r);
  uint64_t begin = uv_hrtime();
  while (uv_hrtime() - begin < 200000000)
    uv_run(&loop, UV_RUN_NOWAIT);
  assert_in_range(atomic_load(&c.from.body_bytes), 1, 4 << 20); /* the target takes nothing: nearly all is held back */
  atomic_store(&c.to.gate, 1);
  wait_ok(&loop, &r);
  assert_int_equal(r.number, IMAGE_BYTES);
  copying_stop(&c);
}

static void copy_fails_on_either_side(void **state) {
  (void)state;
  static const struct {
    const char *ref;
    int mode;
    enum err_kind kind;
    int status;
    const char *says;
  } rows[] = {
      {"missing:1", 0, ERR_HTTP, 404, "GET /images/missing:1/get on pc9: 404: reference does not exist"},
      {"cut:1", 0, ERR_LOST, 0, "GET /images/cut:1/get on pc9"},
      {"x:1", 1, ERR_ENGINE, 0, "POST /images/load on pc9: no space left"},
      {"x:1", 2, ERR_ENGINE, 0, "no space left"},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    struct copying c = {0};
    CLEANUP_RESULT r = {0};
    copying_start(&c);
    atomic_store(&load_mode, rows[i].mode);
    atomic_store(&c.to.gate, 1);
    image_copy(c.source, c.target, rows[i].ref, on_bytes, on_result, &r);
    wait_for(&loop, &r);
    /* a refusal that the engine hangs up on can also be seen as the broken connection only */
    if (!(rows[i].mode == 1 && r.err.kind == ERR_LOST)) {
      assert_int_equal(r.err.kind, rows[i].kind);
      assert_int_equal(r.err.http_status, rows[i].status);
      assert_says(&r, rows[i].says);
    }
    copying_stop(&c);
  }
}

static void copy_cancelled_and_closed(void **state) {
  (void)state;
  for (int how = 0; how < 3; how++) {
    struct copying c = {0};
    CLEANUP_RESULT r = {0};
    copying_start(&c);
    struct engine_call *call = image_copy(c.source, c.target, "x:1", on_bytes, on_result, &r);
    while (atomic_load(&c.to.busy) == 0)
      uv_run(&loop, UV_RUN_NOWAIT);
    if (how == 0) {
      engine_call_cancel(call);
    } else if (how == 1) {
      close_engine(&loop, c.source);
      c.source = NULL;
    } else {
      close_engine(&loop, c.target);
      c.target = NULL;
    }
    wait_until(&loop, &r.completions, 1);
    assert_int_equal(r.err.kind, ERR_CANCELLED);
    copying_stop(&c);
    assert_int_equal(r.completions, 1);
  }
}

static bool stream_events(struct fake *fake, int fd, const char *method, const char *path, int nth) {
  (void)method, (void)nth;
  if (fake_open(fd, path))
    return true;
  fake_say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
  if (!fake_await(fake, fd, 1))
    return false;
  fake_say(fd, "6\r\n{\"a\":1\r\n9\r\n}\n{\"a\":2}\r\n1\r\n\n\r\n");
  fake_await(fake, fd, 2);
  return false;
}

static void on_opened(void *arg) {
  ((struct result *)arg)->status = 1;
}

static void on_event(void *arg, const cJSON *event) {
  ((struct result *)arg)->number += (uint64_t)json_int(event, "a", 0);
}

static void events_open_first(void **state) {
  (void)state;
  struct fake fake;
  CLEANUP_RESULT r = {0};
  fake_start(&fake, stream_events);
  struct engine *e = opened_at(&fake, 0);
  engine_events(e, NULL, on_opened, on_event, on_result, &r);
  wait_until(&loop, &r.status, 1);
  assert_int_equal(r.number, 0);
  atomic_store(&fake.gate, 1);
  while (r.number < 3)
    uv_run(&loop, UV_RUN_ONCE);
  atomic_store(&fake.gate, 2);
  wait_err(&loop, &r, ERR_LOST, 0); /* an engine's end cuts the stream */
  assert_int_equal(r.number, 3);
  close_engine(&loop, e);
  fake_stop(&fake);
}

static void files_that_cannot_be_sent(void **state) {
  (void)state;
  struct fake fake;
  fake_start(&fake, answer_lists);
  struct engine *e = opened_at(&fake, 0);
  CLEANUP_RESULT missing = {0};
  CLEANUP_RESULT folder = {0};
  CLEANUP_RESULT closed = {0};
  image_import(e, "/tmp/tandem-no-such-file", "x:1", on_result, &missing);
  wait_err(&loop, &missing, ERR_IO, 0);
  assert_says(&missing, "/tmp/tandem-no-such-file: No such file");
  image_import(e, "/tmp", "x:1", on_result, &folder);
  wait_err(&loop, &folder, ERR_IO, 0);
  image_import(e, "/etc/passwd", "x:1", on_result, &closed);
  close_engine(&loop, e);
  assert_int_equal(closed.completions, 1);
  assert_int_equal(closed.err.kind, ERR_CANCELLED);
  assert_int_equal(atomic_load(&fake.posts), 0);
  fake_stop(&fake);
}

static int set_up(void **state) {
  (void)state;
  return uv_loop_init(&loop);
}

static int tear_down(void **state) {
  (void)state;
  return uv_loop_close(&loop); /* UV_EBUSY while a handle is open */
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(a_lost_change_is_sent_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_get_outlives_a_closed_connection, set_up, tear_down),
      cmocka_unit_test_setup_teardown(silence_after_the_request, set_up, tear_down),
      cmocka_unit_test_setup_teardown(no_handshake_within_the_connect_deadline, set_up, tear_down),
      cmocka_unit_test_setup_teardown(nobody_listens, set_up, tear_down),
      cmocka_unit_test_setup_teardown(versions, set_up, tear_down),
      cmocka_unit_test_setup_teardown(odd_answers, set_up, tear_down),
      cmocka_unit_test_setup_teardown(changes_queue_and_can_be_cancelled, set_up, tear_down),
      cmocka_unit_test_setup_teardown(close_in_flight, set_up, tear_down),
      cmocka_unit_test_setup_teardown(close_at_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(close_inside_a_callback, set_up, tear_down),
      cmocka_unit_test_setup_teardown(exec_in_pieces, set_up, tear_down),
      cmocka_unit_test_setup_teardown(a_cut_log_is_an_error, set_up, tear_down),
      cmocka_unit_test_setup_teardown(copy_holds_back, set_up, tear_down),
      cmocka_unit_test_setup_teardown(copy_fails_on_either_side, set_up, tear_down),
      cmocka_unit_test_setup_teardown(copy_cancelled_and_closed, set_up, tear_down),
      cmocka_unit_test_setup_teardown(events_open_first, set_up, tear_down),
      cmocka_unit_test_setup_teardown(files_that_cannot_be_sent, set_up, tear_down),
  };
  return cmocka_run_group_tests_name("client faults", tests, NULL, NULL);
}
