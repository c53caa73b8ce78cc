/* The engine lock's course, and what its container tells a newcomer, without a loop and without an engine. */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "api/base/json.h"
#include "controller/deploy/lock_seat.h"

#define ID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define ID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* A lock's inspect document. */
static cJSON *lock_of(const struct holder *h, const char *id, const char *token, int beat) {
  cJSON *json = cJSON_CreateObject(), *config = cJSON_CreateObject(), *labels = cJSON_CreateObject();
  CLEANUP_JSON cJSON *holder = holder_json(h);
  CLEANUP_FREE char *text = json_text(holder);
  char host[100];
  snprintf(host, sizeof(host), "{\"RestartPolicy\":{\"Name\":\"on-failure\",\"MaximumRetryCount\":%d}}", beat);
  assert_true(json_put_str(json, "Id", id) && json_put(json, "Config", config) && json_put(config, "Labels", labels) &&
              json_put_str(labels, "tandem.role", "lock") && json_put_str(labels, "tandem.token", token) &&
              json_put_str(labels, "tandem.epoch", "7") && json_put_str(labels, "tandem.holder", text) &&
              json_put(json, "HostConfig", cJSON_Parse(host)));
  return json;
}

static enum seat_event judge(const struct holder *h, const char *id, const char *token, int beat, uint64_t now,
                             struct seat_watch *w) {
  CLEANUP_JSON cJSON *json = lock_of(h, id, token, beat);
  struct holder told;
  assert_int_equal(seat_epoch(json), 7);
  return seat_judge(json, "mine", now, w, &told);
}

static struct holder elsewhere(void) {
  struct holder h;
  holder_self("apply", "/s", &h);
  strcpy(h.boot, "another boot");
  return h;
}

static void a_beating_holder_lives(void **state) {
  (void)state;
  struct holder h = elsewhere();
  struct seat_watch w = {0};
  assert_int_equal(judge(&h, ID_A, "other", 5, 1000, &w), SEAT_UNSURE);
  assert_int_equal(judge(&h, ID_A, "other", 5, 1000 + LOCK_STALE_MS - 1, &w), SEAT_UNSURE);
  assert_int_equal(judge(&h, ID_A, "other", 6, 1000 + LOCK_STALE_MS, &w), SEAT_ALIVE);
}

static void a_silent_one_elsewhere_is_dead_after_a_while(void **state) {
  (void)state;
  struct holder h = elsewhere();
  struct seat_watch w = {0};
  assert_int_equal(judge(&h, ID_A, "other", 5, 1000, &w), SEAT_UNSURE);
  assert_int_equal(judge(&h, ID_A, "other", 5, 1000 + LOCK_STALE_MS, &w), SEAT_DEAD);
}

/* The first one's silence says nothing of the next one. */
static void another_container_is_watched_anew(void **state) {
  (void)state;
  struct holder h = elsewhere();
  struct seat_watch w = {0};
  assert_int_equal(judge(&h, ID_A, "other", 5, 1000, &w), SEAT_UNSURE);
  assert_int_equal(judge(&h, ID_B, "other", 5, 1000 + LOCK_STALE_MS, &w), SEAT_UNSURE);
}

/* What a process tells of itself, told for another one: its start is in /proc. */
static void holder_of(pid_t pid, struct holder *ret) {
  char path[40], text[1024] = "";
  holder_self("apply", "/s", ret);
  snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
  FILE *f = fopen(path, "re");
  assert_non_null(f);
  assert_true(fread(text, 1, sizeof(text) - 1, f) > 0);
  fclose(f);
  char *p = strrchr(text, ')');
  for (int field = 2; p && field < 22; field++)
    p = strchr(p + 1, ' ');
  assert_non_null(p);
  ret->pid = pid;
  ret->started = strtoll(p, NULL, 10);
}

static void a_process_that_has_ended_is_dead_at_once(void **state) {
  (void)state;
  struct holder h;
  struct seat_watch w = {0};
  pid_t pid = fork();
  if (pid == 0)
    _exit(0);
  assert_int_equal(waitpid(pid, NULL, 0), pid);
  holder_self("apply", "/s", &h);
  assert_int_equal(holder_life(&h), HOLDER_RUNS);
  assert_int_equal(judge(&h, ID_A, "other", 5, 1000, &w), SEAT_DEAD); /* an earlier session's */
  holder_of(getppid(), &h);
  assert_int_equal(judge(&h, ID_A, "other", 5, 1000, &w), SEAT_ALIVE);
  h.pid = pid;
  assert_int_equal(judge(&h, ID_A, "other", 5, 1000, &w), SEAT_DEAD);
  h.boot[0] ^= 1; /* of another kernel a pid says nothing */
  assert_int_equal(judge(&h, ID_A, "other", 5, 1000, &w), SEAT_UNSURE);
}

/* It may go on at any time: only its silence tells. */
static void a_stopped_process_is_watched(void **state) {
  (void)state;
  struct holder h;
  struct seat_watch w = {0};
  pid_t pid = fork();
  if (pid == 0) {
    raise(SIGSTOP);
    _exit(0);
  }
  assert_int_equal(waitpid(pid, NULL, WUNTRACED), pid);
  holder_of(pid, &h);
  assert_int_equal(judge(&h, ID_A, "other", 5, 1000, &w), SEAT_UNSURE);
  assert_int_equal(judge(&h, ID_A, "other", 5, 1000 + LOCK_STALE_MS, &w), SEAT_DEAD);
  kill(pid, SIGKILL);
  waitpid(pid, NULL, 0);
}

/* A pid that is used again is another process. */
static void a_pid_used_again_is_dead(void **state) {
  (void)state;
  struct holder h;
  holder_self("apply", "/s", &h);
  h.started++;
  assert_int_equal(holder_life(&h), HOLDER_ENDED);
}

static void a_lost_reply_is_found_again(void **state) {
  (void)state;
  struct holder h = elsewhere();
  struct seat_watch w = {0};
  assert_int_equal(judge(&h, ID_A, "mine", 5, 1000, &w), SEAT_OURS);
}

static void a_foreign_container_is_no_lock(void **state) {
  (void)state;
  struct seat_watch w = {0};
  struct holder told;
  CLEANUP_JSON cJSON *json = cJSON_Parse("{\"Id\":\"" ID_A "\",\"Config\":{\"Labels\":{}}}");
  assert_int_equal(seat_judge(json, "mine", 1, &w, &told), SEAT_FAILED);
}

static void a_newcomer_takes_it(void **state) {
  (void)state;
  static const struct {
    enum seat_event event;
    enum seat_state state;
  } way[] = {{SEAT_BEGIN, SEAT_LOOK},    {SEAT_UNSURE, SEAT_WATCH},    {SEAT_DONE, SEAT_LOOK},
             {SEAT_DEAD, SEAT_REMOVE},   {SEAT_DONE, SEAT_CREATE},     {SEAT_TAKEN, SEAT_LOOK},
             {SEAT_ABSENT, SEAT_CREATE}, {SEAT_NO_IMAGE, SEAT_IMPORT}, {SEAT_DONE, SEAT_CREATE},
             {SEAT_UNKNOWN, SEAT_LOOK},  {SEAT_OURS, SEAT_HELD}};
  enum seat_state at = SEAT_FREE;
  for (size_t i = 0; i < COUNT_OF(way); i++) {
    at = seat_next(at, way[i].event, false);
    if (at != way[i].state)
      fail_msg("after %zu it is %s, not %s", i, seat_state_name(at), seat_state_name(way[i].state));
  }
  assert_int_equal(seat_next(SEAT_LOOK, SEAT_ALIVE, false), SEAT_REFUSED);
}

static void an_owner_loses_it_only_to_another(void **state) {
  (void)state;
  assert_int_equal(seat_next(SEAT_HELD, SEAT_GONE, true), SEAT_CREATE);
  assert_int_equal(seat_next(SEAT_CREATE, SEAT_MADE, true), SEAT_HELD);
  assert_int_equal(seat_next(SEAT_CREATE, SEAT_TAKEN, true), SEAT_LOOK);
  assert_int_equal(seat_next(SEAT_CREATE, SEAT_FAILED, true), SEAT_LOOK);
  assert_int_equal(seat_next(SEAT_LOOK, SEAT_FAILED, true), SEAT_LOOK);
  for (int event = SEAT_DEAD; event <= SEAT_UNSURE; event++)
    assert_int_equal(seat_next(SEAT_LOOK, (enum seat_event)event, true), SEAT_LOST);
  assert_int_equal(seat_next(SEAT_HELD, SEAT_EXPIRED, true), SEAT_LOST); /* or after a pause */
  assert_int_equal(seat_next(SEAT_CREATE, SEAT_EXPIRED, true), SEAT_LOST);
  for (int event = 0; event < SEAT_EVENT_COUNT; event++) /* and that is the end */
    assert_int_equal(seat_next(SEAT_LOST, (enum seat_event)event, true), SEAT_LOST);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_beating_holder_lives),
      cmocka_unit_test(a_silent_one_elsewhere_is_dead_after_a_while),
      cmocka_unit_test(another_container_is_watched_anew),
      cmocka_unit_test(a_process_that_has_ended_is_dead_at_once),
      cmocka_unit_test(a_pid_used_again_is_dead),
      cmocka_unit_test(a_stopped_process_is_watched),
      cmocka_unit_test(a_lost_reply_is_found_again),
      cmocka_unit_test(a_foreign_container_is_no_lock),
      cmocka_unit_test(a_newcomer_takes_it),
      cmocka_unit_test(an_owner_loses_it_only_to_another),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
