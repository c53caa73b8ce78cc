#include "api/http/http.h"

#include <string.h>

#include "api/http/internal.h"

/* One watched socket; belongs to curl's socket pointer until REMOVE, then to its close callback. */
struct watch {
  uv_poll_t poll;
  curl_socket_t fd;
  int events; /* what curl waits for, as UV_READABLE and UV_WRITABLE */
  struct http *http;
  struct watch *next; /* in http->spare_watches */
  bool reserved;
};

static void arm_timer(struct http *http);
static void shut_down(struct http *http);
static void wake(struct http *http);

static void request_finish(struct http_request *r, struct err *err) {
  struct http *http = r->http;
  http->finished++;
  TAILQ_REMOVE(&http->active, r, entry);
  if (r->in_queue) {
    TAILQ_REMOVE(&http->queue, r, queue_entry);
    http->queued--;
    r->in_queue = false;
  }
  CURL *easy = request_detach(r);
  if (easy && http->spare_count < SPARE_HANDLES)
    http->spare[http->spare_count++] = easy;
  else
    curl_easy_cleanup(easy);
  r->handlers->done(r->arg, &r->head, err);
  request_free(r);
}

/* Ends r with r->fail. */
static void request_end(struct http_request *r) {
  CLEANUP_ERR struct err err = ERR_INIT;
  err_move(&err, &r->fail);
  request_finish(r, &err);
}

/* After every curl_multi_socket_action: a transfer that ends by a timer gives no socket event of its own. */
static void drain(struct http *http) {
  int left = 0;
  CURLMsg *msg;
  while (!http->shut && (msg = curl_multi_info_read(http->multi, &left))) {
    if (msg->msg != CURLMSG_DONE)
      continue;
    CURLcode code = msg->data.result;
    struct http_request *r = NULL;
    curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, (char **)&r);
    if (r->fail.kind) {
      request_end(r);
      continue;
    }
    CLEANUP_ERR struct err err = ERR_INIT;
    if (code != CURLE_OK)
      failure_from_curl(r, code, &err);
    request_finish(r, code == CURLE_OK ? NULL : &err);
  }
}

static void act(struct http *http, curl_socket_t fd, int bits) {
  int running = 0;
  curl_multi_socket_action(http->multi, fd, bits, &running);
  drain(http);
}

/* An error is reported together with "readable" and "writable": with CURL_CSELECT_ERR alone libcurl ends the transfer
 * unread, and loses what came before the error (an answer, a TLS alert), the errno, and its retry of a GET. libuv
 * stops a handle that had an error, while curl, whose wish has not changed, would wait for it for ever. */
static void on_poll(uv_poll_t *poll, int status, int events) {
  struct watch *watch = poll->data;
  int bits = status < 0 ? CURL_CSELECT_ERR | CURL_CSELECT_IN | CURL_CSELECT_OUT : 0;
  if (events & UV_READABLE)
    bits |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE)
    bits |= CURL_CSELECT_OUT;
  act(watch->http, watch->fd, bits);
  if (status < 0 && !uv_is_closing((uv_handle_t *)poll))
    uv_poll_start(poll, watch->events, on_poll);
}

static bool watch_fill_reserve(struct http *http) {
  for (int i = 0; i < RESERVED_WATCHES; i++) {
    struct watch *watch = calloc(1, sizeof(*watch));
    if (!watch)
      return false;
    *watch = (struct watch){.reserved = true, .next = http->spare_watches};
    http->spare_watches = watch;
  }
  return true;
}

static void watch_free(struct watch *watch, struct http *http) {
  if (!watch->reserved) {
    free(watch);
    return;
  }
  *watch = (struct watch){.reserved = true, .next = http->spare_watches};
  http->spare_watches = watch;
}

static void http_free(struct http *http) {
  for (struct watch *watch = http->spare_watches, *next; watch; watch = next) {
    next = watch->next;
    free(watch);
  }
  request_drop_reserve(http);
  endpoint_release(&http->endpoint);
  free(http->tls_ca);
  free(http->tls_cert);
  free(http->tls_key);
  free(http);
  curl_global_cleanup();
}

static void handle_closed(struct http *http) {
  if (--http->open_handles)
    return;
  /* Requests that came after the shutdown still get their completion. */
  while (!TAILQ_EMPTY(&http->active))
    request_end(TAILQ_FIRST(&http->active));
  void (*closed_cb)(void *arg) = http->closed_cb;
  void *arg = http->closed_arg;
  http_free(http);
  if (closed_cb)
    closed_cb(arg);
}

static void on_watch_closed(uv_handle_t *handle) {
  struct watch *watch = handle->data;
  struct http *http = watch->http;
  watch_free(watch, http);
  handle_closed(http);
}

static struct watch *watch_new(struct http *http, curl_socket_t fd) {
  struct watch *watch = calloc(1, sizeof(*watch));
  if (!watch && !(watch = http->spare_watches))
    return NULL;
  if (watch->reserved)
    http->spare_watches = watch->next;
  watch->http = http;
  watch->fd = fd;
  if (uv_poll_init_socket(http->loop, &watch->poll, fd) < 0) {
    watch_free(watch, http);
    return NULL;
  }
  watch->poll.data = watch;
  http->open_handles++;
  curl_multi_assign(http->multi, fd, watch);
  return watch;
}

/* Never fails: libcurl's multi handle does not survive that. A socket that nobody watches ends by its request's
 * deadline. */
static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg) {
  (void)easy;
  struct http *http = arg;
  struct watch *watch = socket_arg;
  if (what == CURL_POLL_REMOVE) {
    if (watch) {
      uv_poll_stop(&watch->poll);
      uv_close((uv_handle_t *)&watch->poll, on_watch_closed);
      curl_multi_assign(http->multi, fd, NULL);
    }
    return 0;
  }
  if (!watch && !(watch = watch_new(http, fd)))
    return 0;
  watch->events = (what != CURL_POLL_OUT ? UV_READABLE : 0) | (what != CURL_POLL_IN ? UV_WRITABLE : 0);
  uv_poll_start(&watch->poll, watch->events, on_poll);
  return 0;
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg) {
  (void)multi;
  struct http *http = arg;
  if (http->shut)
    return 0;
  uv_update_time(http->loop);
  http->curl_due_ms = timeout_ms < 0 ? NEVER : uv_now(http->loop) + (uint64_t)timeout_ms;
  arm_timer(http);
  return 0;
}

/* Ends requests whose deadline has passed and finds the next deadline. One at a time: a callback may change the
 * list. */
static void expire(struct http *http, uint64_t now) {
  bool again = true;
  while (again && !http->shut) {
    struct http_request *r;
    again = false;
    http->deadline_due_ms = NEVER;
    TAILQ_FOREACH(r, &http->active, entry) {
      if (!r->fail.kind && request_expire(r, now)) {
        request_end(r);
        again = true;
        break;
      }
      http_note_deadline(http, r);
    }
  }
}

/* Timers run before the poll: after a completion the poll must not block, or a caller's uv_run(UV_RUN_ONCE) would
 * return only at the next event. */
static void on_timer(uv_timer_t *timer) {
  struct http *http = timer->data;
  uint64_t now = uv_now(http->loop);
  size_t finished = http->finished;
  if (now >= http->curl_due_ms) {
    http->curl_due_ms = NEVER;
    act(http, CURL_SOCKET_TIMEOUT, 0);
  }
  if (!http->shut && now >= http->deadline_due_ms)
    expire(http, now);
  arm_timer(http);
  if (http->finished != finished)
    wake(http);
}

static void arm_timer(struct http *http) {
  if (http->shut)
    return;
  uint64_t now = uv_now(http->loop);
  uint64_t due = http->curl_due_ms < http->deadline_due_ms ? http->curl_due_ms : http->deadline_due_ms;
  if (due == NEVER)
    uv_timer_stop(&http->timer);
  else
    uv_timer_start(&http->timer, on_timer, due > now ? due - now : 0, 0);
}

void http_note_deadline(struct http *http, const struct http_request *r) {
  uint64_t due = request_due_ms(r);
  if (due >= http->deadline_due_ms)
    return;
  http->deadline_due_ms = due;
  arm_timer(http);
}

/* Hands the prepared transfer to curl. From inside one of curl's own callbacks (an event's line starts a look) that is
 * refused: then it waits for the loop's next turn. */
static void begin(struct http_request *r) {
  CURLMcode code = curl_multi_add_handle(r->http->multi, r->easy);
  r->in_multi = code == CURLM_OK;
  if (code == CURLM_RECURSIVE_API_CALL) {
    http_queue(r);
    return;
  }
  if (code == CURLM_OK)
    return;
  err_set(&r->fail, ERR_INTERNAL, "libcurl: %s", curl_multi_strerror(code));
  http_queue(r);
}

/* Unpauses. curl may hand a kept piece to the data handler from inside curl_easy_pause, and then reports the
 * handler's failure here only. */
static void resume(struct http_request *r) {
  r->paused = false;
  r->activity_ms = uv_now(r->http->loop);
  CURLcode code = curl_easy_pause(r->easy, CURLPAUSE_CONT);
  if (code != CURLE_OK && !r->fail.kind)
    failure_from_curl(r, code, &r->fail);
  if (r->fail.kind)
    request_end(r);
  else
    http_note_deadline(r->http, r);
}

static void on_awake(uv_idle_t *idle) {
  (void)idle;
}

static void on_turn(uv_check_t *turn) {
  struct http *http = turn->data;
  for (size_t n = http->queued; n && http->queued; n--) {
    struct http_request *r = TAILQ_FIRST(&http->queue);
    TAILQ_REMOVE(&http->queue, r, queue_entry);
    http->queued--;
    r->in_queue = false;
    if (!r->fail.kind && !r->in_multi)
      begin(r);
    else if (!r->fail.kind)
      resume(r);
    else
      request_end(r);
  }
  if (http->closing && TAILQ_EMPTY(&http->active)) {
    shut_down(http);
    return;
  }
  if (TAILQ_EMPTY(&http->queue)) {
    uv_idle_stop(&http->awake);
    uv_check_stop(&http->turn);
  }
  arm_timer(http);
}

static void wake(struct http *http) {
  if (http->shut)
    return;
  uv_idle_start(&http->awake, on_awake);
  uv_check_start(&http->turn, on_turn);
}

void http_queue(struct http_request *r) {
  if (r->in_queue)
    return;
  TAILQ_INSERT_TAIL(&r->http->queue, r, queue_entry);
  r->http->queued++;
  r->in_queue = true;
  wake(r->http);
}

static int set_multi(struct http *http, struct err *err) {
  http->multi = curl_multi_init();
  if (!http->multi)
    return err_no_memory(err);
  curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
  curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
  curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
  curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
  curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, 16L); /* idle ones kept for reuse */
  curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
  return 0;
}

static bool copy_text(char **ret, const char *text) {
  *ret = text ? strdup(text) : NULL;
  return *ret || !text;
}

static int copy_options(struct http *http, const struct http_options *options, struct err *err) {
  const struct endpoint *from = options->endpoint;
  struct endpoint *to = &http->endpoint;
  to->kind = from->kind;
  to->tls = from->tls;
  to->port = from->port;
  bool ok = copy_text(&to->path, from->path) && copy_text(&to->host, from->host) &&
            copy_text(&to->base_url, from->base_url) && copy_text(&http->tls_ca, options->tls_ca) &&
            copy_text(&http->tls_cert, options->tls_cert) && copy_text(&http->tls_key, options->tls_key);
  return ok ? 0 : err_no_memory(err);
}

int http_new(struct uv_loop_s *loop, const struct http_options *options, struct http **ret_http, struct err *err) {
  struct http *http = calloc(1, sizeof(*http));
  if (!http)
    return err_no_memory(err);
  http->loop = loop;
  http->curl_due_ms = http->deadline_due_ms = NEVER;
  TAILQ_INIT(&http->active);
  TAILQ_INIT(&http->queue);
  TAILQ_INIT(&http->reserve);
  if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
    free(http);
    return err_set(err, ERR_INTERNAL, "libcurl cannot be initialised");
  }
  bool filled = request_fill_reserve(http) && watch_fill_reserve(http);
  if (!filled || copy_options(http, options, err) < 0 || set_multi(http, err) < 0) {
    http_free(http);
    return filled ? -1 : err_no_memory(err);
  }
  uv_timer_init(loop, &http->timer);
  uv_idle_init(loop, &http->awake);
  uv_check_init(loop, &http->turn);
  http->timer.data = http->awake.data = http->turn.data = http;
  http->open_handles = 3;
  *ret_http = http;
  return 0;
}

struct http_request *http_start(struct http *http, const struct http_spec *spec) {
  struct http_request *r = request_new(http, spec);
  TAILQ_INSERT_TAIL(&http->active, r, entry);
  if (spec->fail)
    err_move(&r->fail, spec->fail);
  else if (http->closing)
    err_set(&r->fail, ERR_CANCELLED, "the client is closing");
  else
    request_prepare(r, spec);
  if (r->fail.kind) {
    http_queue(r);
  } else {
    begin(r);
    http_note_deadline(http, r);
  }
  arm_timer(http);
  return r;
}

void http_cancel(struct http_request *request) {
  if (!request->fail.kind)
    err_set(&request->fail, ERR_CANCELLED, "cancelled");
  http_queue(request);
}

void http_resume(struct http_request *request) {
  if (request->paused && !request->fail.kind)
    http_queue(request);
}

static void on_handle_closed(uv_handle_t *handle) {
  handle_closed(handle->data);
}

/* Easy handles first, then the multi handle (it still reports its sockets), then the uv handles. */
static void shut_down(struct http *http) {
  for (size_t i = 0; i < http->spare_count; i++)
    curl_easy_cleanup(http->spare[i]);
  http->spare_count = 0;
  uv_timer_stop(&http->timer);
  http->shut = true;
  curl_multi_cleanup(http->multi);
  http->multi = NULL;
  uv_close((uv_handle_t *)&http->timer, on_handle_closed);
  uv_close((uv_handle_t *)&http->awake, on_handle_closed);
  uv_close((uv_handle_t *)&http->turn, on_handle_closed);
}

void http_close(struct http *http, void (*closed_cb)(void *arg), void *arg) {
  if (http->closing)
    return;
  http->closing = true;
  http->closed_cb = closed_cb;
  http->closed_arg = arg;
  struct http_request *r;
  TAILQ_FOREACH(r, &http->active, entry)
  http_cancel(r);
  wake(http);
}
