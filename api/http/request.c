#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "api/http/internal.h"

#define TCP_DEAD_AFTER_MS 30000 /* sent bytes that nobody acknowledges for so long */

bool request_fill_reserve(struct http *http) {
  for (int i = 0; i < RESERVED_REQUESTS; i++) {
    struct http_request *r = calloc(1, sizeof(*r));
    if (!r)
      return false;
    r->reserved = true;
    TAILQ_INSERT_TAIL(&http->reserve, r, entry);
  }
  return true;
}

void request_drop_reserve(struct http *http) {
  struct http_request *r;
  while ((r = TAILQ_FIRST(&http->reserve))) {
    TAILQ_REMOVE(&http->reserve, r, entry);
    free(r);
  }
}

/* With the reserve used up the promise of one completion cannot be kept; a killed tandem recovers from its journal. */
static struct http_request *take_reserved(struct http *http) {
  struct http_request *r = TAILQ_FIRST(&http->reserve);
  if (!r)
    abort();
  TAILQ_REMOVE(&http->reserve, r, entry);
  return r;
}

struct http_request *request_new(struct http *http, const struct http_spec *spec) {
  struct http_request *r = calloc(1, sizeof(*r));
  if (!r)
    r = take_reserved(http);
  r->http = http;
  r->handlers = spec->handlers;
  r->arg = spec->arg;
  r->method = spec->method;
  r->body = spec->body;
  r->body_left = spec->body ? (size_t)spec->body_bytes : 0;
  r->connect_ms = spec->connect_ms;
  r->idle_ms = spec->idle_ms;
  r->total_ms = spec->total_ms;
  uv_update_time(http->loop);
  r->start_ms = r->activity_ms = uv_now(http->loop);
  return r;
}

CURL *request_detach(struct http_request *r) {
  CURL *easy = r->easy;
  r->easy = NULL;
  if (r->in_multi)
    curl_multi_remove_handle(r->http->multi, easy);
  r->in_multi = false;
  if (easy)
    curl_easy_reset(easy);
  return easy;
}

void request_free(struct http_request *r) {
  struct http *http = r->http;
  curl_slist_free_all(r->headers);
  err_release(&r->fail);
  if (!r->reserved) {
    free(r);
    return;
  }
  *r = (struct http_request){.reserved = true};
  TAILQ_INSERT_TAIL(&http->reserve, r, entry);
}

static void touch(struct http_request *r) {
  r->activity_ms = uv_now(r->http->loop);
}

static size_t on_data(char *data, size_t size, size_t count, void *arg) {
  struct http_request *r = arg;
  size_t len = size * count;
  if (r->fail.kind)
    return len + 1; /* cancelled: any other number than len ends the transfer */
  touch(r);
  if (!r->handlers->data || len == 0)
    return len;
  int rc = r->handlers->data(r->arg, data, len, &r->fail);
  if (rc == 0)
    return len;
  if (rc == HTTP_PAUSE) {
    r->paused = true;
    return CURL_WRITEFUNC_PAUSE;
  }
  if (!r->fail.kind)
    err_set(&r->fail, ERR_CANCELLED, "ended by the reader");
  return len + 1;
}

static size_t read_body(struct http_request *r, char *data, size_t size) {
  size_t n = r->body_left < size ? r->body_left : size;
  if (n)
    memcpy(data, r->body, n);
  r->body += n;
  r->body_left -= n;
  return n;
}

static size_t on_read(char *data, size_t size, size_t count, void *arg) {
  struct http_request *r = arg;
  if (r->fail.kind)
    return CURL_READFUNC_ABORT;
  touch(r);
  if (r->body || !r->handlers->read)
    return read_body(r, data, size * count);
  long n = r->handlers->read(r->arg, data, size * count, &r->fail);
  if (n >= 0)
    return (size_t)n;
  if (n == HTTP_PAUSE) {
    r->paused = true;
    return CURL_READFUNC_PAUSE;
  }
  if (!r->fail.kind)
    err_set(&r->fail, ERR_CANCELLED, "ended by the writer");
  return CURL_READFUNC_ABORT;
}

static void copy_header(char *to, size_t size, const char *line, size_t len, const char *name) {
  size_t n = strlen(name);
  if (len <= n || strncasecmp(line, name, n) != 0)
    return;
  line += n;
  len -= n;
  while (len && (*line == ' ' || *line == '\t'))
    line++, len--;
  while (len && (unsigned char)line[len - 1] <= ' ')
    len--;
  snprintf(to, size, "%.*s", (int)(len < size ? len : size - 1), line);
}

static size_t on_header(char *line, size_t size, size_t count, void *arg) {
  struct http_request *r = arg;
  size_t len = size * count;
  if (r->fail.kind)
    return len + 1;
  touch(r);
  r->received = r->http->answered = true;
  if (len > 12 && strncmp(line, "HTTP/", 5) == 0) {
    const char *space = memchr(line, ' ', len);
    r->head = (struct http_head){.status = space ? atoi(space) : 0};
  }
  copy_header(r->head.content_type, sizeof(r->head.content_type), line, len, "Content-Type:");
  copy_header(r->head.api_version, sizeof(r->head.api_version), line, len, "Api-Version:");
  if ((line[0] == '\r' || line[0] == '\n') && r->head.status >= 200 && r->handlers->head)
    r->handlers->head(r->arg, &r->head);
  return len;
}

/* Connected, TLS included; the request is about to be written. */
static int on_connected(void *arg, char *ip, char *local_ip, int port, int local_port) {
  (void)ip, (void)local_ip, (void)port, (void)local_port;
  struct http_request *r = arg;
  if (r->fail.kind || (r->handlers->may_send && r->handlers->may_send(r->arg, &r->fail) < 0))
    return CURL_PREREQFUNC_ABORT;
  r->sent = true;
  touch(r);
  http_note_deadline(r->http, r); /* the idle clock starts here */
  return CURL_PREREQFUNC_OK;
}

/* A request given up takes what the engine has not got yet along: the kernel would go on sending it, and the engine
 * would carry it out long after somebody has looked whether it did. */
static int on_socket_made(void *arg, curl_socket_t fd, curlsocktype purpose) {
  (void)arg, (void)purpose;
  unsigned int ms = TCP_DEAD_AFTER_MS;
  struct linger none = {.l_onoff = 1};
  setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none));
  return CURL_SOCKOPT_OK;
}

static void set_connection(struct http_request *r) {
  struct http *http = r->http;
  if (http->endpoint.kind == ENDPOINT_UNIX) {
    curl_easy_setopt(r->easy, CURLOPT_UNIX_SOCKET_PATH, http->endpoint.path);
    return;
  }
  curl_easy_setopt(r->easy, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(r->easy, CURLOPT_TCP_KEEPIDLE, 15L);
  curl_easy_setopt(r->easy, CURLOPT_TCP_KEEPINTVL, 5L);
  curl_easy_setopt(r->easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
  if (!http->endpoint.tls)
    return;
  curl_easy_setopt(r->easy, CURLOPT_SSL_ENABLE_ALPN, 0L);
  curl_easy_setopt(r->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
  curl_easy_setopt(r->easy, CURLOPT_CAINFO, http->tls_ca);
  curl_easy_setopt(r->easy, CURLOPT_CAPATH, NULL); /* this CA only, not the system's */
  curl_easy_setopt(r->easy, CURLOPT_SSLCERT, http->tls_cert);
  curl_easy_setopt(r->easy, CURLOPT_SSLKEY, http->tls_key);
}

static bool add_header(struct http_request *r, const char *line) {
  struct curl_slist *longer = curl_slist_append(r->headers, line);
  if (longer)
    r->headers = longer;
  return longer != NULL;
}

static bool set_headers(struct http_request *r, const struct http_spec *spec) {
  char type[128];
  snprintf(type, sizeof(type), "Content-Type: %s", spec->content_type ? spec->content_type : "");
  bool streamed = spec->handlers->read && !spec->body && spec->body_bytes < 0;
  return add_header(r, "Expect:") && add_header(r, type) && add_header(r, "Accept: application/json, */*") &&
         (!streamed || add_header(r, "Transfer-Encoding: chunked"));
}

static void set_method(struct http_request *r, const struct http_spec *spec) {
  CURL *easy = r->easy;
  bool has_body = spec->body || spec->handlers->read;
  if (spec->fresh) {
    curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
  }
  if (strcmp(spec->method, "GET") == 0) {
    curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
    return;
  }
  if (strcmp(spec->method, "HEAD") == 0) {
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    return;
  }
  curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L); /* sent once: see http.h */
  if (has_body || strcmp(spec->method, "POST") == 0) {
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    if (!has_body)
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, "");
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)(has_body ? spec->body_bytes : 0));
  }
  curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, spec->method);
}

static void set_callbacks(struct http_request *r) {
  CURL *easy = r->easy;
  curl_easy_setopt(easy, CURLOPT_PRIVATE, r);
  curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, r->curl_text);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, r);
  curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
  curl_easy_setopt(easy, CURLOPT_READDATA, r);
  curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy, CURLOPT_HEADERDATA, r);
  curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_connected);
  curl_easy_setopt(easy, CURLOPT_PREREQDATA, r);
}

static void set_policy(struct http_request *r) {
  CURL *easy = r->easy;
  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy, CURLOPT_PROXY, "");
  curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
  curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
  curl_easy_setopt(easy, CURLOPT_USERAGENT, "tandem");
  curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* never wait for a resolver thread */
  /* Deadlines are ours (request_expire); libcurl's own limit on connecting, 300 s by default, stays behind. */
  curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, 60000L + r->connect_ms);
}

void request_prepare(struct http_request *r, const struct http_spec *spec) {
  struct http *http = r->http;
  CLEANUP_FREE char *url = NULL;
  if (asprintf(&url, "%s%s", http->endpoint.base_url, spec->target) < 0)
    url = NULL;
  r->easy = http->spare_count ? http->spare[--http->spare_count] : curl_easy_init();
  if (!url || !r->easy || !set_headers(r, spec)) {
    err_no_memory(&r->fail);
    return;
  }
  set_policy(r);
  set_callbacks(r);
  set_connection(r);
  set_method(r, spec);
  curl_easy_setopt(r->easy, CURLOPT_HTTPHEADER, r->headers);
  if (curl_easy_setopt(r->easy, CURLOPT_URL, url) != CURLE_OK)
    err_no_memory(&r->fail);
}

static uint64_t earlier(uint64_t a, uint64_t from, int after_ms) {
  uint64_t b = from + (uint64_t)after_ms;
  return after_ms && b < a ? b : a;
}

uint64_t request_due_ms(const struct http_request *r) {
  uint64_t due = earlier(NEVER, r->start_ms, r->total_ms);
  if (!r->easy)
    return NEVER;
  if (!r->sent)
    return earlier(due, r->start_ms, r->connect_ms);
  return r->paused ? due : earlier(due, r->activity_ms, r->idle_ms);
}

bool request_expire(struct http_request *r, uint64_t now_ms) {
  if (now_ms < request_due_ms(r))
    return false;
  if (!r->sent) {
    err_set(&r->fail, ERR_UNREACHABLE, "no connection to %s within %.1f s",
            r->http->endpoint.kind == ENDPOINT_UNIX ? r->http->endpoint.path : r->http->endpoint.base_url,
            (double)(now_ms - r->start_ms) / 1e3);
    r->fail.retryable = true;
    return true;
  }
  if (now_ms >= earlier(NEVER, r->start_ms, r->total_ms))
    err_set(&r->fail, ERR_TIMEOUT, "no complete answer within %.1f s", r->total_ms / 1e3);
  else
    err_set(&r->fail, ERR_TIMEOUT, "nothing sent or received for %.1f s", r->idle_ms / 1e3);
  return true;
}
