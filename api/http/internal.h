/* What http.c (loop, handles, deadlines), request.c (one transfer) and failure.c (error mapping) share. */
#ifndef TANDEM_HTTP_INTERNAL_H
#define TANDEM_HTTP_INTERNAL_H

#include <curl/curl.h>
#include <sys/queue.h>
#include <uv.h>

#include "api/http/http.h"

#define NEVER UINT64_MAX
#define SPARE_HANDLES 16
#define RESERVED_REQUESTS 64
#define RESERVED_WATCHES 64

TAILQ_HEAD(request_list, http_request);

struct http {
  uv_loop_t *loop;
  CURLM *multi;
  uv_timer_t timer;
  uv_check_t turn; /* works `queue` off, after the poll: what must not happen inside a caller's call */
  uv_idle_t awake; /* while active the poll does not block */
  struct endpoint endpoint;
  char *tls_ca, *tls_cert, *tls_key;
  struct request_list active;
  struct request_list queue;
  struct request_list reserve; /* for when there is no memory: every request can be told so, later, as any other */
  struct watch *spare_watches; /* likewise */
  size_t queued;
  size_t finished;          /* how many requests ever */
  uint64_t curl_due_ms;     /* when curl wants to run; loop time */
  uint64_t deadline_due_ms; /* no request's deadline passes before this */
  CURL *spare[SPARE_HANDLES];
  size_t spare_count;
  size_t open_handles; /* uv handles whose close callback has not run */
  bool answered;       /* a byte of a reply has ever come */
  bool closing;
  bool shut; /* multi is gone, handles are closing */
  void (*closed_cb)(void *arg);
  void *closed_arg;
};

struct http_request {
  TAILQ_ENTRY(http_request) entry;       /* in http->active */
  TAILQ_ENTRY(http_request) queue_entry; /* in http->queue, while in_queue */
  struct http *http;
  const struct http_handlers *handlers;
  void *arg;
  CURL *easy; /* NULL: nothing was or will be sent */
  struct curl_slist *headers;
  const char *method;
  const char *body;
  size_t body_left;
  int connect_ms, idle_ms, total_ms;
  uint64_t start_ms;
  uint64_t activity_ms;
  struct http_head head;
  struct err fail; /* set: the request ends with it */
  bool in_queue;
  bool in_multi;
  bool reserved; /* goes back to http->reserve */
  bool sent;     /* connected: from now on the request may have reached the engine */
  bool received; /* a byte of the reply has come */
  bool paused;
  char curl_text[CURL_ERROR_SIZE];
};

/* http.c */
void http_queue(struct http_request *r);
void http_note_deadline(struct http *http, const struct http_request *r);

/* request.c */
bool request_fill_reserve(struct http *http); /* false without memory */
void request_drop_reserve(struct http *http);
struct http_request *request_new(struct http *http, const struct http_spec *spec);
void request_free(struct http_request *r);
/* Sets the easy handle up; on failure r->fail is filled. */
void request_prepare(struct http_request *r, const struct http_spec *spec);
/* When the next deadline passes; NEVER without one. */
uint64_t request_due_ms(const struct http_request *r);
/* Fills r->fail when a deadline has passed. */
bool request_expire(struct http_request *r, uint64_t now_ms);
CURL *request_detach(struct http_request *r);

/* failure.c */
void failure_from_curl(struct http_request *r, CURLcode code, struct err *err);

#endif
