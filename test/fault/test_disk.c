/* The state's disk fails: writes find no room or an I/O error, go in by half, syncs fail; once, or from then on for
 * good; and the power may go too, so that only what was synced is left. At every operation on the state database:
 * no changing call goes out without its intent, durable; what is told is true; and with a good disk again a recovery
 * makes the fleet exactly the old or exactly the new one. TANDEM_FAULT=full: every operation in every way on the real
 * engines too, else a sample. */
#include "test/fault/killer.h"
#include "test/fault/vfs_shim.h"
#include "test/unit/scratch.h"

static struct vfs_shim shim;

static bool full(void) {
  return strcmp(lab_env("TANDEM_FAULT", ""), "full") == 0;
}

/* --- the journal alone ------------------------------------------------------------------------------------------- */

enum { WAVES = 4, IN_WAVE = 3, ROWS = (WAVES + 1) * IN_WAVE, REVISIONS = 2 };

/* What was promised of one revision. */
struct promised {
  int64_t number; /* 0: it did not begin */
  int rows;       /* acknowledged */
  bool broken;    /* a write has failed */
  bool outcome_asked, outcome_durable, cleaned;
};

struct course {
  uv_loop_t loop;
  struct promised revisions[REVISIONS];
  struct promised *now;
};

static void row_written(void *arg, struct err *err) {
  struct course *c = arg;
  if (!err && c->now->broken)
    fail_msg("a row became durable after one that did not");
  c->now->broken = c->now->broken || err;
  c->now->rows += !err;
}

static void outcome_written(void *arg, struct err *err) {
  struct course *c = arg;
  if (!err && c->now->broken)
    fail_msg("an outcome became durable after a row that did not");
  c->now->broken = c->now->broken || err;
  c->now->cleaned = c->now->outcome_durable && !err;
  c->now->outcome_durable = c->now->outcome_durable || !err;
}

static void write_wave(struct course *c, struct journal *j, int wave) {
  for (int i = 0; i < IN_WAVE; i++) {
    struct journal_entry entry = {.step = wave * IN_WAVE + i,
                                  .kind = "container.create",
                                  .machine = "pc2",
                                  .service = "tts",
                                  .object = "p-tts-1"};
    journal_write(j, &entry, row_written, c);
  }
  uv_run(&c->loop, UV_RUN_DEFAULT);
}

static void write_revision(struct course *c, struct state *s) {
  struct journal *j = NULL;
  CLEANUP_JSON cJSON *doc = cJSON_Parse("{\"services\":[\"tts\"]}");
  if (state_begin(s, "p", "apply", "one", 0, doc, doc, &c->now->number, NULL) < 0 ||
      journal_open(s, &c->loop, "p", c->now->number, &j, NULL) < 0)
    return;
  for (int wave = 0; wave < WAVES; wave++)
    write_wave(c, j, wave);
  state_set_desired(s, "p", c->now->number, doc, NULL);
  c->now->outcome_asked = true;
  journal_outcome(j, REVISION_COMMITTED, false, NULL, outcome_written, c);
  uv_run(&c->loop, UV_RUN_DEFAULT);
  write_wave(c, j, WAVES);
  journal_outcome(j, REVISION_COMMITTED, true, NULL, outcome_written, c);
  uv_run(&c->loop, UV_RUN_DEFAULT);
  journal_close(j);
  state_trim(s, "p", c->now->number, NULL);
}

/* On an empty folder: the schema is made under the faults too. */
static void run_course(struct course *c, const char *dir) {
  struct state *s = NULL;
  memset(c->revisions, 0, sizeof(c->revisions));
  for (int i = 0; i < REVISIONS; i++) {
    c->now = &c->revisions[i];
    if (state_open(dir, STATE_WRITE, "test", &s, NULL) < 0)
      continue;
    write_revision(c, s);
    state_close(s);
  }
}

static void expect_rows(struct state *s, const struct promised *p, bool trimmed, bool committed, const char *what) {
  struct journal_rows rows = {0};
  assert_int_equal(state_journal(s, "p", p->number, &rows, NULL), 0);
  if (!trimmed && (int)rows.count < p->rows)
    fail_msg("%s: %d rows were told to be durable, %zu are there", what, p->rows, rows.count);
  for (size_t i = 0; i < rows.count; i++)
    if (rows.items[i].step != (int)i)
      fail_msg("%s: there is a gap before row %d", what, rows.items[i].step);
  if (!trimmed && committed && (int)rows.count < WAVES * IN_WAVE)
    fail_msg("%s: committed with %zu rows", what, rows.count);
  journal_rows_release(&rows);
}

/* What recover does with the journal: goes on with it, and ends it. */
static void finish(struct course *c, struct state *s, const char *what) {
  struct revision r = {0};
  while (state_unfinished(s, "p", &r, NULL) == 1) {
    struct promised after = {0};
    struct journal *j = NULL;
    c->now = &after;
    assert_int_equal(journal_open(s, &c->loop, "p", r.number, &j, NULL), 0);
    journal_outcome(j, r.outcome == REVISION_COMMITTED ? REVISION_COMMITTED : REVISION_PUT_BACK, true, NULL,
                    outcome_written, c);
    uv_run(&c->loop, UV_RUN_DEFAULT);
    journal_close(j);
    revision_release(&r);
    if (!after.outcome_durable)
      fail_msg("%s: the recovery cannot write", what);
  }
}

/* With a good disk again. */
static void expect_kept(struct course *c, const char *dir, const char *what) {
  struct state *s = NULL;
  CLEANUP_ERR struct err err = ERR_INIT;
  int64_t current = 0, least = 0;
  if (state_open(dir, STATE_WRITE, "recover", &s, &err) < 0)
    fail_msg("%s: %s", what, err_text(&err));
  assert_int_equal(state_current(s, "p", &current, NULL), 0);
  for (int i = 0; i < REVISIONS; i++) {
    const struct promised *p = &c->revisions[i];
    struct revision r = {0};
    if (!p->number)
      continue;
    if (state_revision(s, "p", p->number, &r, NULL) != 1)
      fail_msg("%s: revision %d had begun, and is not there", what, (int)p->number);
    bool committed = r.outcome == REVISION_COMMITTED;
    if (committed && !p->outcome_asked)
      fail_msg("%s: committed, and nobody asked for it", what);
    if (!committed && p->outcome_durable)
      fail_msg("%s: told to be committed, and is not", what);
    if (!r.cleaned && p->cleaned)
      fail_msg("%s: told to be cleaned, and is not", what);
    least = p->outcome_durable ? p->number : least;
    expect_rows(s, p, r.plan == NULL, committed, what);
    revision_release(&r);
  }
  if (current < least)
    fail_msg("%s: %d holds, %d was told to hold", what, (int)current, (int)least);
  finish(c, s, what);
  state_close(s);
}

/* False: the course has no such operation. */
static bool try_journal(struct course *c, int at, enum shim_way way, bool once) {
  struct scratch dir;
  char what[128];
  assert_int_equal(scratch_init(&dir), 0);
  vfs_shim_arm(&shim, dir.dir, way, once, at);
  run_course(c, dir.dir);
  bool failed = shim.failed > 0;
  vfs_shim_disarm(&shim);
  snprintf(what, sizeof(what), "operation %d, %s, %s", at, shim_way_names[way], once ? "once" : "from then on");
  expect_kept(c, dir.dir, what);
  strcat(what, ", power cut");
  vfs_shim_power_cut(dir.dir);
  expect_kept(c, dir.dir, what);
  scratch_release(&dir);
  return failed;
}

static void the_journal_alone_keeps_what_it_says(void **state) {
  struct course c = {0};
  int points = 0, operations = 0;
  (void)state;
  assert_int_equal(uv_loop_init(&c.loop), 0);
  assert_false(try_journal(&c, 0, SHIM_ENOSPC, true));
  for (int i = 0; i < REVISIONS; i++) /* nothing fails: all of it is promised */
    assert_true(c.revisions[i].rows == ROWS && c.revisions[i].cleaned);
  for (int once = 0; once < 2; once++)
    for (int way = 0; way < SHIM_WAYS; way++) {
      int at = 1;
      for (; try_journal(&c, at, (enum shim_way)way, once); at++)
        points++;
      operations = at - 1;
    }
  assert_true(operations > 50);
  assert_int_equal(uv_loop_close(&c.loop), 0);
  print_message("journal alone: %d operations, %d points, each also with a power cut: all passed\n", operations,
                points);
}

/* --- a transaction on the real engines --------------------------------------------------------------------------- */

struct bench {
  struct lab lab;
  struct fleet_spec now;
  int generation;
};

struct point {
  int at;
  enum shim_way way;
  bool once, power_cut;
};

/* Of the child, seen by its parent. */
struct seen {
  int operations, failed, calls, unjournaled;
  uint64_t sent, intents;
  char first_unjournaled[300];
};

struct tally {
  int points, results[4], recovered, new, calls;
};

static struct point point;
static struct seen *seen;

static int durable_intents(const struct log_fields *f, const char *msg) {
  bool back = strncmp(msg, "undo ", 5) == 0;
  const char *texts[] = {f->step, f->machine, f->service ? f->service : "", back ? "undo intent" : "intent", msg};
  return vfs_shim_durable_count(&shim,
                                "SELECT count(*) FROM journal WHERE revision_id = (SELECT max(id) FROM revision)"
                                " AND kind = ?1 AND machine = ?2 AND coalesce(service, '') = ?3 AND mark = ?4"
                                " AND substr(?5, -length(coalesce(object, ''))) = coalesce(object, '')",
                                texts, (int)COUNT_OF(texts));
}

/* The call of a step goes out now: a power cut at this moment would leave its intent? */
static void look_at_intent(void *arg, enum log_event event, const struct log_fields *fields, const char *msg) {
  (void)arg;
  if (event != LOG_STEP_START)
    return;
  seen->calls++;
  if (durable_intents(fields, msg) < 1 && seen->unjournaled++ == 0)
    snprintf(seen->first_unjournaled, sizeof(seen->first_unjournaled), "%s of %s on %s", msg,
             fields->service ? fields->service : "", fields->machine);
}

static uint64_t sent_by(const struct lab *lab) {
  return engine_mutations(lab->machines.items[0].engine) + engine_mutations(lab->machines.items[1].engine);
}

static void deploy_on_bad_disk(struct lab *lab, const struct fleet_spec *spec) {
  struct journal_rows rows = {0};
  uint64_t before = sent_by(lab);
  assert_int_equal(log_add_sink(lab->log, LOG_DEBUG, look_at_intent, NULL, NULL), 0);
  vfs_shim_arm(&shim, lab->dir, point.way, point.once, point.at);
  plan_free(fleet_apply(lab, spec));
  seen->sent = sent_by(lab) - before;
  if (lab->revision && state_journal(lab->state, lab->project, lab->revision, &rows, NULL) < 0)
    fail_msg("the journal cannot be read");
  seen->intents = 0;
  for (size_t i = 0; i < rows.count; i++) /* at most one call forward and one back for each */
    seen->intents += rows.items[i].mark >= JOURNAL_UNDO_INTENT ? 2 : 1;
  journal_rows_release(&rows);
  state_close(lab->state); /* writes back, on the bad disk */
  lab->state = NULL;
  seen->operations = shim.seen;
  seen->failed = shim.failed;
}

static void expect_told_truly(enum transaction_result result, bool committed, const char *what) {
  if (seen->unjournaled)
    fail_msg("%s: %d calls went out without a durable intent, the first: %s", what, seen->unjournaled,
             seen->first_unjournaled);
  if (seen->sent > seen->intents)
    fail_msg("%s: %d changing calls, %d intents", what, (int)seen->sent, (int)seen->intents);
  if (result == TRANSACTION_COMMITTED && !committed)
    fail_msg("%s: said to be committed, and is not", what);
  if ((result == TRANSACTION_PUT_BACK || result == TRANSACTION_FAILED_CLEAN) && committed)
    fail_msg("%s: said to be as before, and is committed", what);
}

static void expect_old_or_new(struct bench *b, const struct fleet_spec *want, const struct observed *before,
                              int64_t base, const char *what) {
  struct observed *now = lab_observe(&b->lab);
  CLEANUP_FREE char *old = fleet_picture(&b->lab, before), *picture = fleet_picture(&b->lab, now);
  char why[600] = "";
  bool committed = b->lab.current != base;
  if (committed ? !fleet_is_new(&b->lab, want, before, base, now, false, why, sizeof(why)) : strcmp(old, picture) != 0)
    fail_msg("%s: %s. Before:\n%sNow:\n%s", what, committed ? why : "not the old fleet", old, picture);
  observed_free(now);
}

static void open_state(struct bench *b) {
  struct err err = ERR_INIT;
  if (state_open(b->lab.dir, STATE_WRITE, "test", &b->lab.state, &err) < 0)
    fail_msg("%s", err_text(&err));
}

static void try_point(struct bench *b, struct point p, struct tally *t) {
  struct fleet_spec want = b->now;
  enum transaction_result result = TRANSACTION_STUCK;
  struct observed *before = lab_observe(&b->lab);
  int64_t base = b->lab.current;
  char note[KILLER_NOTE], what[200];
  want.generation[DB] = want.generation[CACHE] = want.generation[API] = ++b->generation;
  snprintf(what, sizeof(what), "operation %d, %s, %s%s", p.at, shim_way_names[p.way], p.once ? "once" : "from then on",
           p.power_cut ? ", power cut" : "");
  point = p;
  memset(seen, 0, sizeof(*seen));
  state_close(b->lab.state);
  b->lab.state = NULL;
  assert_false(killer_run(&b->lab, deploy_on_bad_disk, &want, 0, note, &result));
  if (p.power_cut)
    vfs_shim_power_cut(b->lab.dir);
  open_state(b);
  bool recovered = lab_recover(&b->lab);
  if (recovered && b->lab.outcome.result == TRANSACTION_STUCK)
    fail_msg("%s: recovery is stuck: %s", what, b->lab.outcome.left.items[0]);
  assert_int_equal(state_current(b->lab.state, b->lab.project, &b->lab.current, NULL), 0);
  bool committed = b->lab.current != base;
  if (getenv("DISK_LOG"))
    fprintf(stderr, "%s: result %d, %s, %s; %d operations, %d calls\n", what, (int)result,
            recovered ? "recovered" : "nothing to recover", committed ? "new" : "old", seen->operations, seen->calls);
  if (p.at && !seen->failed)
    fail_msg("%s: the transaction has only %d operations", what, seen->operations);
  expect_told_truly(result, committed, what);
  expect_old_or_new(b, &want, before, base, what);
  observed_free(before);
  if (committed)
    b->now = want;
  t->points++;
  t->results[result]++;
  t->recovered += recovered;
  t->new += committed;
  t->calls += seen->calls;
}

/* The writer groups rows as they come: two runs differ a little in their number of operations. */
enum { SAMPLE = 12, MARGIN = 15 };

static void no_call_goes_out_without_its_intent(void **state) {
  struct bench *b = *state;
  struct tally t = {0};
  try_point(b, (struct point){0}, &t);
  assert_int_equal(t.results[TRANSACTION_COMMITTED], 1);
  assert_true(seen->calls > 15 && seen->sent > 15); /* the look was there */
  int operations = seen->operations * (100 - MARGIN) / 100, step = full() ? 1 : operations / SAMPLE, turn = 0;
  memset(&t, 0, sizeof(t));
  for (int at = 1 + atoi(lab_env("DISK_FROM", "0")); at <= operations; at += step)
    for (int way = 0; way < SHIM_WAYS; way++)
      if (full() || way == turn % SHIM_WAYS) {
        try_point(b, (struct point){at, (enum shim_way)way, (turn / 3) & 1, (turn / 2) & 1}, &t);
        turn++;
        if (!full())
          break;
      }
  print_message(
      "bad disk: %d operations in a transaction, %d points, all passed: %d calls, each with a durable intent; "
      "%d said to be clean, %d put back, %d stuck, %d committed; %d recovered; %d old, %d new\n",
      operations, t.points, t.calls, t.results[TRANSACTION_FAILED_CLEAN], t.results[TRANSACTION_PUT_BACK],
      t.results[TRANSACTION_STUCK], t.results[TRANSACTION_COMMITTED], t.recovered, t.points - t.new, t.new);
}

static struct bench bench = {.now = {.unprobed = true}};

static int setup(void **state) {
  seen = mmap(NULL, sizeof(*seen), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  assert_true(seen != MAP_FAILED);
  lab_open(&bench.lab);
  bench.lab.resources = true;
  fleet_port();
  plan_free(fleet_apply(&bench.lab, &bench.now));
  assert_int_equal(bench.lab.outcome.result, TRANSACTION_COMMITTED);
  *state = &bench;
  return 0;
}

static int teardown(void **state) {
  struct bench *b = *state;
  if (b && b->lab.state)
    lab_close(&b->lab);
  return 0;
}

int main(int argc, char **argv) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(the_journal_alone_keeps_what_it_says),
      cmocka_unit_test_setup_teardown(no_call_goes_out_without_its_intent, setup, teardown),
  };
  vfs_shim_install(&shim);
  if (argc > 1)
    cmocka_set_test_filter(argv[1]);
  return cmocka_run_group_tests(tests, NULL, NULL);
}
