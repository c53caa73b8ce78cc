/* Fails allocation N of tandem's own code: the program is linked with --wrap for each of these functions (see the
 * Makefile), and cJSON gets its memory from here too. Libraries' own allocations are not touched.
 *
 * A matrix runs a job once for each N, in batches in child processes, with N failing alone and with everything from N
 * on failing, until a run in which nothing failed. Each child ends with LeakSanitizer's check. */
#ifndef TANDEM_TEST_FAULT_ALLOC_FAULT_H
#define TANDEM_TEST_FAULT_ALLOC_FAULT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of the sanitizers; absent in a plain build, which then looks for no leaks. */
__attribute__((weak)) int __lsan_do_recoverable_leak_check(void);
__attribute__((weak)) void __sanitizer_print_stack_trace(void);

static struct {
  atomic_long seen, failed;
  atomic_bool armed; /* counts and fails */
  long at;           /* which one fails, from 1 */
  bool once;         /* else all from there on */
  bool trace;        /* shows where the first one failed */
} alloc_fault;

static inline void alloc_arm(long at, bool once) {
  alloc_fault.at = at;
  alloc_fault.once = once;
  atomic_store(&alloc_fault.seen, 0);
  atomic_store(&alloc_fault.failed, 0);
  atomic_store(&alloc_fault.armed, true);
}

static inline void alloc_disarm(void) {
  atomic_store(&alloc_fault.armed, false);
}

static inline bool alloc_fails(void) {
  if (!atomic_load(&alloc_fault.armed))
    return false;
  long n = atomic_fetch_add(&alloc_fault.seen, 1) + 1;
  if (alloc_fault.once ? n != alloc_fault.at : n < alloc_fault.at)
    return false;
  if (atomic_fetch_add(&alloc_fault.failed, 1) == 0 && alloc_fault.trace && __sanitizer_print_stack_trace) {
    fprintf(stderr, "allocation %ld fails:\n", n);
    __sanitizer_print_stack_trace();
  }
  errno = ENOMEM;
  return true;
}

/* --- what the linker puts in front of libc ----------------------------------------------------------------------- */

#define ALLOC_WRAP(type, name, parameters, arguments)                                                                  \
  type __real_##name parameters;                                                                                       \
  type __wrap_##name parameters;                                                                                       \
  type __wrap_##name parameters {                                                                                      \
    return alloc_fails() ? NULL : __real_##name arguments;                                                             \
  }

ALLOC_WRAP(void *, malloc, (size_t size), (size))
ALLOC_WRAP(void *, calloc, (size_t count, size_t size), (count, size))
ALLOC_WRAP(void *, realloc, (void *p, size_t size), (p, size))
ALLOC_WRAP(char *, strdup, (const char *text), (text))
ALLOC_WRAP(char *, strndup, (const char *text, size_t size), (text, size))

int __wrap_vasprintf(char **ret_text, const char *format, va_list args);
int __real_vasprintf(char **ret_text, const char *format, va_list args);
int __wrap_asprintf(char **ret_text, const char *format, ...);

/* A failed asprintf leaves its result undefined. */
int __wrap_vasprintf(char **ret_text, const char *format, va_list args) {
  if (!alloc_fails())
    return __real_vasprintf(ret_text, format, args);
  *ret_text = (char *)(uintptr_t)0xdead;
  return -1;
}

int __wrap_asprintf(char **ret_text, const char *format, ...) {
  va_list args;
  va_start(args, format);
  int n = __wrap_vasprintf(ret_text, format, args);
  va_end(args);
  return n;
}

static inline void *alloc_for_cjson(size_t size) {
  return __wrap_malloc(size);
}

static inline void alloc_install(void) {
  cJSON_Hooks hooks = {.malloc_fn = alloc_for_cjson, .free_fn = free};
  cJSON_InitHooks(&hooks);
  alloc_fault.trace = getenv("ALLOC_TRACE") != NULL;
}

/* --- the matrix -------------------------------------------------------------------------------------------------- */

enum { ALLOC_WHY = 2000, ALLOC_BATCH = 40, ALLOC_PAST_END = 9, ALLOC_BAD = 2, ALLOC_LEAK = 3 };

/* One run. alloc_arm(at, once) and alloc_disarm() are called by the job around what is to be tried; false with a
 * reason when its end was not as it must be. */
typedef bool alloc_job(void *arg, long at, bool once, char why[ALLOC_WHY]);

struct alloc_shared {
  long at; /* of the run under way */
  char why[ALLOC_WHY];
};

struct alloc_tally {
  long points, last;
  int bad;
};

static inline void alloc_batch(alloc_job *job, void *arg, long from, long stride, int count, bool once,
                               struct alloc_shared *shared) {
  for (int i = 0; i < count; i++) {
    shared->at = from + i * stride;
    if (!job(arg, shared->at, once, shared->why))
      _exit(ALLOC_BAD);
    if (atomic_load(&alloc_fault.failed) == 0) {
      if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check())
        _exit(ALLOC_LEAK);
      _exit(ALLOC_PAST_END);
    }
  }
  _exit(__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check() ? ALLOC_LEAK : 0);
}

static inline int alloc_fork(alloc_job *job, void *arg, long from, long stride, int count, bool once,
                             struct alloc_shared *shared) {
  int status;
  memset(shared, 0, sizeof(*shared));
  fflush(NULL);
  pid_t pid = fork();
  assert_true(pid >= 0);
  if (pid == 0) {
    setenv("CMOCKA_TEST_ABORT", "1", 1);
    alloc_batch(job, arg, from, stride, count, once, shared);
  }
  assert_int_equal(waitpid(pid, &status, 0), pid);
  return status;
}

static inline void alloc_tell(const char *name, bool once, int status, const struct alloc_shared *shared) {
  fprintf(stderr, "%s: allocation %ld fails %s: ", name, shared->at, once ? "once" : "and all after it");
  if (WIFSIGNALED(status))
    fprintf(stderr, "killed by signal %d\n", WTERMSIG(status));
  else if (WEXITSTATUS(status) == ALLOC_LEAK)
    fprintf(stderr, "leaks, or one of the batch does\n");
  else if (WEXITSTATUS(status) == ALLOC_BAD)
    fprintf(stderr, "%s\n", shared->why);
  else
    fprintf(stderr, "ended with status %d\n", WEXITSTATUS(status));
}

/* ALLOC_FROM, ALLOC_TO, ALLOC_GO_ON (after a failure), ALLOC_PERSISTENT (no single ones): for looking into one. */
static inline long alloc_env(const char *name, long fallback) {
  const char *value = getenv(name);
  return value && *value ? atol(value) : fallback;
}

static inline bool alloc_is_good(int status) {
  return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == ALLOC_PAST_END);
}

/* Which of a bad batch it was. */
static inline void alloc_narrow(const char *name, alloc_job *job, void *arg, long from, long stride, bool once,
                                struct alloc_shared *shared, struct alloc_tally *t) {
  int bad = t->bad;
  for (int i = 0; i < ALLOC_BATCH && !(i && alloc_env("ALLOC_TO", 0)); i++) {
    int status = alloc_fork(job, arg, from + i * stride, stride, 1, once, shared);
    if (alloc_is_good(status))
      continue;
    alloc_tell(name, once, status, shared);
    t->bad++;
    if (!getenv("ALLOC_GO_ON"))
      return;
  }
  if (t->bad == bad) { /* only one after the other */
    fprintf(stderr, "%s: allocations from %ld on fail %s: only in a row\n", name, from, once ? "once" : "for good");
    t->bad++;
  }
}

static inline void alloc_matrix(const char *name, alloc_job *job, void *arg, long stride, bool once,
                                struct alloc_tally *t) {
  struct alloc_shared *shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  long to = alloc_env("ALLOC_TO", 0), batch = to == alloc_env("ALLOC_FROM", 1) ? 1 : ALLOC_BATCH;
  assert_true(shared != MAP_FAILED);
  for (long from = alloc_env("ALLOC_FROM", 1); !to || from <= to; from += batch * stride) {
    int status = alloc_fork(job, arg, from, stride, (int)batch, once, shared);
    bool ended = WIFEXITED(status) && WEXITSTATUS(status) == ALLOC_PAST_END;
    t->points += ended ? (shared->at - from) / stride : batch;
    t->last = shared->at;
    if (!alloc_is_good(status)) {
      alloc_narrow(name, job, arg, from, stride, once, shared, t);
      if (!getenv("ALLOC_GO_ON"))
        break;
    }
    if (ended)
      break;
  }
  munmap(shared, sizeof(*shared));
}

/* All N, or a sample, once and for good. */
static inline void alloc_run(const char *name, alloc_job *job, void *arg, long stride) {
  struct alloc_tally t = {0};
  if (!alloc_env("ALLOC_PERSISTENT", 0))
    alloc_matrix(name, job, arg, stride, true, &t);
  if (!t.bad || getenv("ALLOC_GO_ON"))
    alloc_matrix(name, job, arg, stride, false, &t);
  print_message("%s: about %ld allocations, %ld points tried, once and from there on: %d bad\n", name, t.last, t.points,
                t.bad);
  assert_int_equal(t.bad, 0);
}

#endif
