/* When a machine counts as lost and as back, on given times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "controller/deploy/vitals.h"

enum { PROMISED_MS = 10000 };

/* A machine whose answers take delay_ms, until the link is cut at cut_ms; ticks begin at offset_ms. Gives when it was
 * found lost, 0: not until end_ms. */
static uint64_t run_until_lost(uint64_t offset_ms, uint64_t delay_ms, uint64_t cut_ms, uint64_t end_ms) {
  struct vitals v;
  uint64_t sent[4] = {0}, start = 1000;
  vitals_init(&v, start);
  for (uint64_t now = start + offset_ms; now < end_ms; now += VITALS_TICK_MS) {
    for (int i = 0; i < 4; i++) {
      if (!sent[i] || sent[i] + delay_ms > now)
        continue;
      if (sent[i] + delay_ms < cut_ms)
        vitals_heard(&v, sent[i] + delay_ms);
      sent[i] = 0;
    }
    if (vitals_tick(&v, now) == VITALS_LOST)
      return now;
    if (!vitals_must_ask(&v, now, false))
      continue;
    vitals_asked(&v, now);
    for (int i = 0; i < 4; i++)
      if (!sent[i]) {
        sent[i] = now;
        break;
      }
  }
  return 0;
}

static void a_cut_is_noticed_within_the_promise(void **state) {
  (void)state;
  uint64_t worst = 0;
  for (uint64_t offset = 0; offset < VITALS_TICK_MS; offset += 7)
    for (uint64_t cut = 20000; cut < 20000 + 2 * VITALS_ASK_MS; cut += 11) {
      uint64_t lost = run_until_lost(offset, 3, cut, 60000);
      assert_true(lost > cut);
      worst = lost - cut > worst ? lost - cut : worst;
    }
  print_message("worst time from cut to lost: %llu ms\n", (unsigned long long)worst);
  assert_true(worst <= PROMISED_MS);
  assert_true(worst > VITALS_LOST_MS);
}

static void a_slow_machine_is_not_lost(void **state) {
  (void)state;
  assert_int_equal(run_until_lost(0, 3, 1000000, 300000), 0);
  assert_int_equal(run_until_lost(0, 5500, 1000000, 300000), 0);
  assert_int_not_equal(run_until_lost(0, 7000, 1000000, 300000), 0);
}

static void silence_counts_from_a_question(void **state) {
  (void)state;
  struct vitals v;
  vitals_init(&v, 1000);
  for (uint64_t now = 1500; now < 60000; now += VITALS_TICK_MS)
    assert_int_equal(vitals_tick(&v, now), VITALS_SAME);
  vitals_asked(&v, 60000);
  assert_int_equal(vitals_tick(&v, 60500), VITALS_SAME);
  vitals_asked(&v, 62000); /* a second one does not put it off */
  for (uint64_t now = 61000; now < 60000 + VITALS_LOST_MS; now += VITALS_TICK_MS)
    assert_int_equal(vitals_tick(&v, now), VITALS_SAME);
  assert_int_equal(vitals_tick(&v, 60000 + VITALS_LOST_MS), VITALS_LOST);
  assert_int_equal(vitals_tick(&v, 60500 + VITALS_LOST_MS), VITALS_SAME); /* told once */
}

static void any_sign_of_life_counts(void **state) {
  (void)state;
  struct vitals v;
  vitals_init(&v, 1000);
  vitals_asked(&v, 3000);
  for (uint64_t now = 3500; now < 60000; now += VITALS_TICK_MS) { /* a build's output, while the pings are late */
    if (vitals_must_ask(&v, now, false))
      vitals_asked(&v, now);
    vitals_heard(&v, now - 100);
    assert_int_equal(vitals_tick(&v, now), VITALS_SAME);
  }
}

/* An answer from before the question is no answer to it. */
static void an_old_sign_of_life_does_not_count(void **state) {
  (void)state;
  struct vitals v;
  vitals_init(&v, 1000);
  vitals_tick(&v, 3000);
  vitals_asked(&v, 3000);
  for (uint64_t now = 3500; now < 3000 + VITALS_LOST_MS; now += VITALS_TICK_MS) {
    vitals_heard(&v, 2900);
    assert_int_equal(vitals_tick(&v, now), VITALS_SAME);
  }
  assert_int_equal(vitals_heard(&v, 2900), VITALS_SAME);
  assert_int_equal(vitals_tick(&v, 3000 + VITALS_LOST_MS), VITALS_LOST);
  assert_int_equal(vitals_heard(&v, 2900), VITALS_SAME);
  assert_true(v.lost);
  assert_int_equal(vitals_heard(&v, 3000 + VITALS_LOST_MS + 10), VITALS_BACK);
  assert_int_equal(vitals_heard(&v, 3000 + VITALS_LOST_MS + 20), VITALS_SAME);
  assert_false(v.lost);
}

/* tandem itself was stopped, or starved: what it has not read meanwhile is not the machine's fault. */
static void a_stall_of_our_own_is_not_held_against_it(void **state) {
  (void)state;
  struct vitals v;
  vitals_init(&v, 1000);
  vitals_asked(&v, 3000);
  assert_int_equal(vitals_tick(&v, 3500), VITALS_SAME);
  assert_int_equal(vitals_tick(&v, 60000), VITALS_SAME);
  assert_true(vitals_must_ask(&v, 60000, false));
  vitals_asked(&v, 60000);
  for (uint64_t now = 60500; now < 60000 + VITALS_LOST_MS; now += VITALS_TICK_MS)
    assert_int_equal(vitals_tick(&v, now), VITALS_SAME);
  assert_int_equal(vitals_tick(&v, 60000 + VITALS_LOST_MS), VITALS_LOST);
}

static void who_waits_asks_more_often(void **state) {
  (void)state;
  struct vitals v;
  vitals_init(&v, 1000);
  assert_false(vitals_must_ask(&v, 1000 + VITALS_TICK_MS, false));
  assert_true(vitals_must_ask(&v, 1000 + VITALS_TICK_MS, true));
  assert_true(vitals_must_ask(&v, 1000 + VITALS_ASK_MS, false));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_cut_is_noticed_within_the_promise),
      cmocka_unit_test(a_slow_machine_is_not_lost),
      cmocka_unit_test(silence_counts_from_a_question),
      cmocka_unit_test(any_sign_of_life_counts),
      cmocka_unit_test(an_old_sign_of_life_does_not_count),
      cmocka_unit_test(a_stall_of_our_own_is_not_held_against_it),
      cmocka_unit_test(who_waits_asks_more_often),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
