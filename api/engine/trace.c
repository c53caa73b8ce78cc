#include "api/engine/trace.h"

#include <openssl/evp.h>
#include <stdint.h>
#include <string.h>

/* What is left of a message. */
struct wire {
  const unsigned char *p;
  const unsigned char *end;
};

struct field {
  uint64_t number;
  uint64_t value;         /* of a varint */
  struct trace_text text; /* of a length-delimited field */
};

typedef void message_cb(const struct field *field, void *out);

static bool wire_varint(struct wire *w, uint64_t *ret_value) {
  uint64_t value = 0;
  for (int shift = 0; shift < 64 && w->p < w->end; shift += 7) {
    unsigned char byte = *w->p++;
    value |= (uint64_t)(byte & 0x7f) << shift;
    if (!(byte & 0x80)) {
      *ret_value = value;
      return true;
    }
  }
  return false;
}

static bool wire_skip(struct wire *w, size_t len) {
  if ((size_t)(w->end - w->p) < len)
    return false;
  w->p += len;
  return true;
}

static bool wire_field(struct wire *w, struct field *ret_field) {
  struct field f = {0};
  uint64_t key;
  if (!wire_varint(w, &key))
    return false;
  f.number = key >> 3;
  switch (key & 7) {
  case 0:
    if (!wire_varint(w, &f.value))
      return false;
    break;
  case 1:
    if (!wire_skip(w, 8))
      return false;
    break;
  case 2:
    if (!wire_varint(w, &f.value) || f.value > (uint64_t)(w->end - w->p))
      return false;
    f.text = (struct trace_text){(const char *)w->p, (size_t)f.value};
    w->p += f.value;
    break;
  case 5:
    if (!wire_skip(w, 4))
      return false;
    break;
  default:
    return false;
  }
  *ret_field = f;
  return true;
}

/* Calls back for each field; false when the bytes are no message. */
static bool each_field(struct trace_text message, message_cb *cb, void *out) {
  struct wire w = {(const unsigned char *)message.data, (const unsigned char *)message.data + message.len};
  struct field f;
  while (w.p < w.end) {
    if (!wire_field(&w, &f))
      return false;
    cb(&f, out);
  }
  return true;
}

static void vertex_field(const struct field *f, void *out) {
  struct trace_vertex *v = out;
  switch (f->number) {
  case 1:
    v->digest = f->text;
    break;
  case 3:
    v->name = f->text;
    break;
  case 4:
    v->cached = f->value != 0;
    break;
  case 5:
    v->started = true;
    break;
  case 6:
    v->completed = true;
    break;
  case 7:
    v->error = f->text;
    break;
  default:
    break;
  }
}

static void log_field(const struct field *f, void *out) {
  struct trace_log *log = out;
  if (f->number == 1)
    log->vertex = f->text;
  else if (f->number == 4)
    log->text = f->text;
}

struct decoding {
  const struct trace_handlers *handlers;
  void *arg;
  uint64_t want; /* number of the repeated field that is looked at in this pass */
  bool ok;
};

static void status_field(const struct field *f, void *out) {
  struct decoding *d = out;
  if (f->number != d->want)
    return;
  struct trace_vertex vertex = {0};
  struct trace_log log = {0};
  if (d->want == 1 && each_field(f->text, vertex_field, &vertex))
    d->handlers->vertex(d->arg, &vertex);
  else if (d->want == 3 && each_field(f->text, log_field, &log))
    d->handlers->log(d->arg, &log);
  else
    d->ok = false;
}

int trace_decode(const void *message, size_t len, const struct trace_handlers *handlers, void *arg, struct err *err) {
  struct decoding d = {.handlers = handlers, .arg = arg, .want = 1, .ok = true};
  struct trace_text text = {message, len};
  bool ok = each_field(text, status_field, &d);
  d.want = 3;
  if (!ok || !each_field(text, status_field, &d) || !d.ok)
    return err_set(err, ERR_PROTOCOL, "BuildKit's progress is not a StatusResponse message");
  return 0;
}

int trace_decode_base64(const char *text, const struct trace_handlers *handlers, void *arg, struct err *err) {
  size_t len = strlen(text);
  if (len == 0)
    return 0;
  CLEANUP_FREE unsigned char *bytes = malloc(len);
  if (!bytes)
    return err_no_memory(err);
  int n = len % 4 == 0 && len < INT32_MAX ? EVP_DecodeBlock(bytes, (const unsigned char *)text, (int)len) : -1;
  if (n < 0)
    return err_set(err, ERR_PROTOCOL, "BuildKit's progress is not base64");
  n -= (text[len - 1] == '=') + (text[len - 2] == '=');
  return trace_decode(bytes, (size_t)n, handlers, arg, err);
}
