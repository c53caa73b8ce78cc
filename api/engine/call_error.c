/* An error status and the engine's words as a struct err. */
#include <string.h>

#include "api/base/json.h"
#include "api/engine/call.h"
#include "api/engine/text.h"

#define MESSAGE_MAX_BYTES 4000

/* {"message": ...}, or text as it is (a refusal of a very old API version is text/plain). */
static char *daemon_message(const struct buf *body) {
  CLEANUP_JSON cJSON *json = NULL;
  const char *text = buf_text(body);
  if (body->len && json_parse(body->data, body->len, &json, NULL) == 0)
    text = json_str(json, "message", text);
  char *copy = strndup(text, MESSAGE_MAX_BYTES);
  return copy ? text_clean_str(copy) : NULL;
}

/* "May succeed later, and repeating is harmless": the engine says that it did nothing because it is busy, or it was
 * only asked to read. */
static bool is_retryable(const char *method, int status, const char *message) {
  if (status == 429)
    return true;
  if (status == 409 && (strstr(message, "is already in progress") || strstr(message, "already running")))
    return true;
  return status >= 500 && strcmp(method, "GET") == 0;
}

int call_http_error(const struct engine *e, const char *method, const char *label, const struct http_head *head,
                    const struct buf *body, struct err *err) {
  CLEANUP_FREE char *message = daemon_message(body);
  const char *text = message && *message       ? message
                     : head->status / 100 == 3 ? "a redirect, which is not followed"
                                               : "no message";
  err_set(err, ERR_HTTP, "%s %s on %s: %d: %s", method, label, e->name, head->status, text);
  if (err) {
    err->http_status = head->status;
    err->retryable = is_retryable(method, head->status, text);
  }
  return -1;
}
