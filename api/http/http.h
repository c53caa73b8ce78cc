/* An HTTP/1.1 client for one endpoint on a uv loop: libcurl's multi interface driven by curl_multi_socket_action,
 * one uv_poll per socket, one timer. The only folder that knows curl.
 *
 * One thread, the loop's. Every request completes exactly once, from the loop, never from inside http_start(); also
 * after http_cancel() and http_close(). A run of the loop in which a request completed does not block afterwards.
 *
 * Sent once: libcurl by itself resends a request on a new connection when a reused one ends before the first byte of
 * the reply (up to five times, POST included). An engine that died after carrying a create out looks just so, and
 * the create would happen twice. Therefore everything but GET and HEAD is sent on a connection of its own
 * (CURLOPT_FRESH_CONNECT), for which libcurl never retries; the connection serves later GETs. */
#ifndef TANDEM_HTTP_HTTP_H
#define TANDEM_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/base/err.h"
#include "api/http/endpoint.h"

struct uv_loop_s;
struct http;
struct http_request; /* one request under way; gone when its done callback returns */

struct http_options {
  const struct endpoint *endpoint; /* copied */
  const char *tls_ca;              /* PEM files; NULL without TLS */
  const char *tls_cert;
  const char *tls_key;
};

/* The reply's head. */
struct http_head {
  int status; /* 0: none came */
  char content_type[64];
  char api_version[16]; /* header Api-Version */
};

enum {
  HTTP_PAUSE = -2, /* not now: call again after http_resume() */
};

struct http_handlers {
  /* Connected, TLS included, and about to write the request: the last moment to say no. -1 with *err filled ends the
   * request with that error, certainly not sent. May be NULL. */
  int (*may_send)(void *arg, struct err *err);
  /* The final head has come; before any data. May be NULL. */
  void (*head)(void *arg, const struct http_head *head);
  /* A piece of the reply's body, len > 0. 0: taken whole; HTTP_PAUSE: nothing taken, the same piece comes again
   * after http_resume(); -1 with *err filled ends the request with that error. NULL: the body is dropped. */
  int (*data)(void *arg, const void *data, size_t len, struct err *err);
  /* Wants up to size bytes of the request's body. Number of bytes, 0 at the end, HTTP_PAUSE, or -1 with *err. */
  long (*read)(void *arg, void *data, size_t size, struct err *err);
  /* The end, exactly once. head->status is 0 when no reply came. err is NULL when the reply is complete, whatever
   * its status; may be moved out of. */
  void (*done)(void *arg, const struct http_head *head, struct err *err);
};

struct http_spec {
  const char *method;       /* "GET", "POST", "PUT", "DELETE", "HEAD" */
  const char *target;       /* path and query, percent-encoded; copied */
  const char *content_type; /* of the body; NULL none. A literal: not copied */
  const void *body;         /* must live until done; NULL: none, or streamed by handlers->read */
  int64_t body_bytes;       /* of body or of the stream; < 0: unknown, chunked */
  int connect_ms;           /* deadlines; 0: none. Connected, TLS included (ERR_UNREACHABLE) */
  int idle_ms;              /* no byte either way for so long after that (ERR_TIMEOUT); not while paused */
  int total_ms;             /* from http_start to the end (ERR_TIMEOUT, or ERR_UNREACHABLE before the sending) */
  const struct http_handlers *handlers; /* must live until done */
  void *arg;
  bool fresh;       /* on a connection of its own, which is closed afterwards; changing methods have their own anyway */
  struct err *fail; /* not NULL: nothing is sent, the request completes with this error (moved), later */
};

/* Nothing is sent. */
int http_new(struct uv_loop_s *loop, const struct http_options *options, struct http **ret_http, struct err *err);

/* Starts a request. Never fails here: an error goes to done, from the loop. */
struct http_request *http_start(struct http *http, const struct http_spec *spec);
/* Ends it with ERR_CANCELLED, or with the result if that came first. No head, data or read call comes any more. */
void http_cancel(struct http_request *request);
/* Takes back an HTTP_PAUSE, both ways, from the loop a moment later. Harmless when not paused. */
void http_resume(struct http_request *request);

/* Cancels what is under way, closes all connections; closed_cb when every handle is closed and memory is gone. */
void http_close(struct http *http, void (*closed_cb)(void *arg), void *arg);

#endif
