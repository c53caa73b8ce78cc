/* JSON lines, the streamed replies made of them, and BuildKit's progress inside. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "api/engine/stream_reply.h"
#include "api/engine/text.h"
#include "api/engine/trace.h"
#include "api/engine/url.h"

static int on_json(void *arg, const cJSON *json, struct err *err) {
  if (json_get(json, "stop"))
    return err_set(err, ERR_CANCELLED, "stop");
  return buf_printf(arg, err, "%d,", (int)json_int(json, "n", -1));
}

static int feed_all(const char *text, size_t len, size_t piece, struct buf *seen, struct err *err) {
  struct ndjson n;
  int rc = 0;
  ndjson_init(&n, 32);
  for (size_t at = 0; rc == 0 && at < len; at += piece)
    rc = ndjson_feed(&n, text + at, at + piece < len ? piece : len - at, on_json, seen, err);
  if (rc == 0)
    rc = ndjson_end(&n, on_json, seen, err);
  ndjson_release(&n);
  return rc;
}

static void every_split(void **state) {
  (void)state;
  static const char text[] = "{\"n\":1}\n\n{\"n\":2}\r\n  \n{\"n\": 3}\n{\"n\":4}";
  for (size_t piece = 1; piece < sizeof(text); piece++) {
    CLEANUP_BUF struct buf seen = BUF_INIT(100);
    assert_int_equal(feed_all(text, sizeof(text) - 1, piece, &seen, NULL), 0);
    assert_string_equal(buf_text(&seen), "1,2,3,4,");
  }
}

static void truncated_anywhere(void **state) {
  (void)state;
  static const char text[] = "{\"n\":1}\n{\"n\":2}\n";
  for (size_t cut = 0; cut < sizeof(text); cut++) {
    CLEANUP_BUF struct buf seen = BUF_INIT(100);
    CLEANUP_ERR struct err err = ERR_INIT;
    bool whole = cut == 0 || cut == 7 || cut == 8 || cut == 15 || cut == 16;
    assert_int_equal(feed_all(text, cut, 3, &seen, &err), whole ? 0 : -1);
    assert_string_equal(buf_text(&seen), cut < 7 ? "" : cut < 15 ? "1," : "1,2,");
    if (!whole)
      assert_int_equal(err.kind, ERR_PROTOCOL);
  }
}

static void limits_and_rubbish(void **state) {
  (void)state;
  CLEANUP_BUF struct buf seen = BUF_INIT(100);
  CLEANUP_ERR struct err err = ERR_INIT;
  assert_int_equal(feed_all("{\"n\":1, \"padding\": \"xxxxxxxxxxxxxxxxxxxxx\"}", 44, 5, &seen, &err), -1);
  assert_int_equal(err.kind, ERR_PROTOCOL);
  assert_int_equal(feed_all("{\"n\":1}rest\n", 12, 12, &seen, &err), -1);
  assert_int_equal(feed_all("<html>\n", 7, 1, &seen, &err), -1);
  assert_int_equal(feed_all("{\"n\":\0}\n", 8, 8, &seen, &err), -1);
  assert_int_equal(feed_all("{\"stop\":1}\n{\"n\":1}\n", 19, 19, &seen, &err), -1);
  assert_int_equal(err.kind, ERR_CANCELLED);
  assert_string_equal(buf_text(&seen), "");
}

static void on_line(void *arg, const char *line) {
  assert_int_equal(buf_printf(arg, NULL, "%s|", line), 0);
}

static int reply_of(const char *text, struct buf *lines, struct err *err) {
  struct stream_reply s;
  stream_reply_init(&s, lines);
  s.line_cb = on_line;
  int rc = stream_reply_feed(&s, text, strlen(text), err);
  if (rc == 0)
    rc = stream_reply_end(&s, err);
  stream_reply_release(&s);
  return rc;
}

static void streamed_replies(void **state) {
  (void)state;
  CLEANUP_BUF struct buf lines = BUF_INIT(10000);
  CLEANUP_ERR struct err err = ERR_INIT;
  assert_int_equal(
      reply_of("{\"stream\":\"Step 1/2\\n a\\tb\\r\\n\"}\n{\"status\":\"Pulled\",\"id\":\"x\"}\n", &lines, &err), 0);
  assert_string_equal(buf_text(&lines), "Step 1/2| a b|x: Pulled|");
  assert_int_equal(reply_of("{\"errorDetail\":{\"message\":\"no \\u001b[31msuch\"},\"error\":\"no\"}\n", &lines, &err),
                   -1);
  assert_int_equal(err.kind, ERR_ENGINE);
  assert_string_equal(err_text(&err), "no such");
  assert_int_equal(reply_of("{\"error\":\"plain\"}\n{\"status\":\"after\"}", &lines, &err), -1);
  assert_string_equal(err_text(&err), "plain");
  assert_int_equal(reply_of("{\"status\":\"cu", &lines, &err), -1);
  assert_int_equal(err.kind, ERR_LOST);
}

static void cleaned(const char *in, const char *out) {
  char text[100];
  snprintf(text, sizeof(text), "%s", in);
  assert_string_equal(text_clean_str(text), out);
}

static void cleaning(void **state) {
  (void)state;
  cleaned("plain \xc3\xa9\n", "plain \xc3\xa9");
  cleaned("a\033[31;1mb\033[0mc", "abc");
  cleaned("a\033]0;title\007b\033]8;;x\033\\c", "abc");
  cleaned("a\033(Bb\033cc\033", "abc");
  cleaned("a\xc2\x9b"
          "31mb",
          "ab");
  cleaned("a\033[", "a");
  cleaned("a\033]unfinished", "a");
  cleaned("a\rb\bc\x7f\001d\te", "abcd e");
}

struct traced {
  struct buf text;
};

static void on_vertex(void *arg, const struct trace_vertex *v) {
  struct traced *t = arg;
  buf_printf(&t->text, NULL, "v %.*s %.*s %d%d%d %.*s|", (int)v->digest.len, v->digest.data, (int)v->name.len,
             v->name.data, v->started, v->completed, v->cached, (int)v->error.len, v->error.data ? v->error.data : "");
}

static void on_log(void *arg, const struct trace_log *log) {
  struct traced *t = arg;
  buf_printf(&t->text, NULL, "l %.*s %.*s|", (int)log->vertex.len, log->vertex.data, (int)log->text.len,
             log->text.data);
}

/* A log, then a vertex, an unknown fixed64 and fixed32 field, a status. */
static const char message[] = "\x1a\x08\x0a\x02"
                              "d1"
                              "\x22\x02"
                              "hi"
                              "\x0a\x14\x0a\x02"
                              "d1"
                              "\x1a\x03"
                              "RUN"
                              "\x20\x01\x2a\x02\x08\x01\x32\x00\x3a\x01"
                              "E"
                              "\x59"
                              "12345678"
                              "\x65"
                              "1234"
                              "\x12\x02\x0a\x00";

static const struct trace_handlers handlers = {.vertex = on_vertex, .log = on_log};

static void traces(void **state) {
  (void)state;
  struct traced t = {.text = BUF_INIT(1000)};
  assert_int_equal(trace_decode(message, sizeof(message) - 1, &handlers, &t, NULL), 0);
  assert_string_equal(buf_text(&t.text), "v d1 RUN 111 E|l d1 hi|");
  buf_release(&t.text);
  struct traced b = {.text = BUF_INIT(1000)};
  assert_int_equal(trace_decode_base64("GggKAmQxIgJoaQ==", &handlers, &b, NULL), 0);
  assert_string_equal(buf_text(&b.text), "l d1 hi|");
  assert_int_equal(trace_decode_base64("", &handlers, &b, NULL), 0);
  assert_int_equal(trace_decode_base64("GggK!mQx", &handlers, &b, NULL), -1);
  assert_int_equal(trace_decode_base64("GggKAmQ", &handlers, &b, NULL), -1);
  assert_int_equal(trace_decode_base64("====", &handlers, &b, NULL), -1);
  buf_release(&b.text);
}

/* Whatever the bytes are: no read outside (under ASan), a result or an error. */
static void broken_traces(void **state) {
  (void)state;
  for (size_t cut = 0; cut < sizeof(message); cut++) {
    struct traced t = {.text = BUF_INIT(1000)};
    CLEANUP_FREE char *copy = malloc(cut + 1);
    memcpy(copy, message, cut);
    trace_decode(copy, cut, &handlers, &t, NULL);
    buf_release(&t.text);
  }
  for (size_t at = 0; at < sizeof(message) - 1; at++) {
    struct traced t = {.text = BUF_INIT(100000)};
    CLEANUP_FREE char *copy = malloc(sizeof(message) - 1);
    memcpy(copy, message, sizeof(message) - 1);
    for (int value = 0; value < 256; value++) {
      copy[at] = (char)value;
      trace_decode(copy, sizeof(message) - 1, &handlers, &t, NULL);
    }
    buf_release(&t.text);
  }
}

static void urls(void **state) {
  (void)state;
  static const char id[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
  struct url u = URL_INIT;
  url_path(&u, "/containers/");
  url_full_id(&u, id);
  url_path(&u, "/rename");
  url_query(&u, "name", "a b/\xc3\xa9&c=?#%");
  url_query(&u, "none", NULL);
  url_query_int(&u, "t", -1);
  assert_int_equal(u.err.kind, ERR_NONE);
  assert_string_equal(buf_text(&u.label), "/containers/0123456789ab/rename");
  assert_string_equal(strchr(buf_text(&u.text), '?'), "?name=a%20b%2F%C3%A9%26c%3D%3F%23%25&t=-1");
  url_release(&u);
  static const char *const bad[] = {"", ".", "..", NULL};
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    struct url v = URL_INIT;
    url_segment(&v, bad[i]);
    url_path(&v, "/json");
    assert_int_equal(v.err.kind, ERR_INTERNAL);
    url_release(&v);
  }
  assert_false(is_full_id("0123456789ABCDEF0123456789abcdef0123456789abcdef0123456789abcdef"));
  assert_false(is_full_id("0123"));
}

static void refs(void **state) {
  (void)state;
  static const char *const rows[][3] = {
      {"a", "a", "latest"},
      {"a:1", "a", "1"},
      {"h:5000/a", "h:5000/a", "latest"},
      {"h:5000/a:2", "h:5000/a", "2"},
      {"a@sha256:ff", "a@sha256:ff", ""},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    CLEANUP_FREE char *repo = NULL;
    CLEANUP_FREE char *tag = NULL;
    assert_int_equal(ref_split(rows[i][0], "latest", &repo, &tag, NULL), 0);
    assert_string_equal(repo, rows[i][1]);
    assert_string_equal(tag, rows[i][2]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_split),
      cmocka_unit_test(truncated_anywhere),
      cmocka_unit_test(limits_and_rubbish),
      cmocka_unit_test(streamed_replies),
      cmocka_unit_test(cleaning),
      cmocka_unit_test(traces),
      cmocka_unit_test(broken_traces),
      cmocka_unit_test(urls),
      cmocka_unit_test(refs),
  };
  return cmocka_run_group_tests_name("ndjson", tests, NULL, NULL);
}
