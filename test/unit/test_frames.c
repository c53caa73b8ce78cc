#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/base/buf.h"
#include "api/engine/frames.h"

struct seen {
  struct buf text[3];
};

static void on_frame(void *arg, int stream, const char *data, size_t len) {
  struct seen *seen = arg;
  assert_in_range(stream, 1, 2);
  assert_true(len > 0);
  assert_int_equal(buf_append(&seen->text[stream], data, len, NULL), 0);
}

static void seen_release(struct seen *seen) {
  for (int i = 0; i < 3; i++)
    buf_release(&seen->text[i]);
}

static const char stream[] = "\1\0\0\0\0\0\0\3out"
                             "\2\0\0\0\0\0\0\4err1"
                             "\1\0\0\0\0\0\0\0"
                             "\0\0\0\0\0\0\0\2in"
                             "\3\0\0\0\0\0\0\3sys";

static void every_split(void **state) {
  (void)state;
  const size_t len = sizeof(stream) - 1;
  for (size_t piece = 1; piece <= len; piece++) {
    struct seen seen = {0};
    struct frames f;
    frames_init(&f, 100);
    for (size_t at = 0; at < len; at += piece)
      assert_int_equal(frames_feed(&f, stream + at, at + piece < len ? piece : len - at, on_frame, &seen, NULL), 0);
    assert_int_equal(frames_end(&f, NULL), 0);
    assert_string_equal(buf_text(&seen.text[1]), "outin");
    assert_string_equal(buf_text(&seen.text[2]), "err1sys");
    seen_release(&seen);
  }
}

static void truncated_anywhere(void **state) {
  (void)state;
  const size_t len = sizeof(stream) - 1;
  static const size_t whole[] = {0, 11, 23, 31, 41, 52};
  for (size_t cut = 0; cut <= len; cut++) {
    struct seen seen = {0};
    struct frames f;
    CLEANUP_ERR struct err err = ERR_INIT;
    bool at_end = false;
    for (size_t i = 0; i < COUNT_OF(whole); i++)
      at_end = at_end || whole[i] == cut;
    frames_init(&f, 100);
    assert_int_equal(frames_feed(&f, stream, cut, on_frame, &seen, NULL), 0);
    assert_int_equal(frames_end(&f, &err), at_end ? 0 : -1);
    if (!at_end)
      assert_int_equal(err.kind, ERR_LOST);
    seen_release(&seen);
  }
}

static void refuses(const char *head, struct frames *f) {
  CLEANUP_ERR struct err err = ERR_INIT;
  frames_init(f, 100);
  assert_int_equal(frames_feed(f, head, 8, on_frame, NULL, &err), -1);
  assert_int_equal(err.kind, ERR_PROTOCOL);
}

static void bad_heads(void **state) {
  (void)state;
  struct frames f;
  refuses("hello wo", &f);
  refuses("\4\0\0\0\0\0\0\1", &f);
  refuses("\1\0\1\0\0\0\0\1", &f);
  refuses("\1\0\0\0\0\0\0\145", &f); /* 101 bytes */
  refuses("\1\0\0\0\377\377\377\377", &f);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(every_split),
      cmocka_unit_test(truncated_anywhere),
      cmocka_unit_test(bad_heads),
  };
  return cmocka_run_group_tests_name("frames", tests, NULL, NULL);
}
