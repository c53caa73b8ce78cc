/* The testbed as a thing to break: its links and engines, by scripts/testbed of the present folder; and the engines as
 * seen by their own sockets, which no cut link touches. */
#ifndef TANDEM_TEST_FAULT_TESTBED_H
#define TANDEM_TEST_FAULT_TESTBED_H

#include <sys/wait.h>

#include "test/fault/fleet.h"

static inline int testbed_try(const char *words) {
  char command[200];
  snprintf(command, sizeof(command), "scripts/testbed %s", words);
  return system(command);
}

static inline void testbed(const char *words) {
  if (testbed_try(words) != 0)
    fail_msg("scripts/testbed %s failed (is this the repository's root, with the testbed's env set?)", words);
}

/* Runs tests in a child, so that whatever becomes of them the testbed is then as it was. */
static inline int testbed_guard(int (*tests)(void), const char *const *mend, size_t count) {
  int status = 0;
  fflush(NULL);
  pid_t pid = fork();
  if (pid == 0) {
    int failed = tests();
    fflush(NULL);
    _exit(failed ? 1 : 0);
  }
  bool bad = pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status) || WEXITSTATUS(status) != 0;
  for (size_t i = 0; i < count; i++)
    bad = testbed_try(mend[i]) != 0 || bad;
  return bad;
}

/* A lab that only looks: the same project, another state, both engines by their Unix sockets. */
static inline void testbed_eyes(struct lab *eyes, const struct lab *lab) {
  static const char *const names[] = {"TANDEM_PC2_ENDPOINT", "TANDEM_PC2_CA", "TANDEM_PC2_CERT", "TANDEM_PC2_KEY"};
  char dir[] = "/tmp/tandem-eyes-XXXXXX", endpoint[300], *kept[COUNT_OF(names)];
  assert_non_null(mkdtemp(dir));
  snprintf(endpoint, sizeof(endpoint), "unix://%s/pc2/docker.sock",
           lab_env("TANDEM_TESTBED", "/var/tmp/tandem-testbed"));
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    kept[i] = getenv(names[i]) ? strdup(getenv(names[i])) : NULL;
    unsetenv(names[i]);
  }
  setenv(names[0], endpoint, 1);
  lab_open_at(eyes, lab->project, dir);
  eyes->resources = lab->resources;
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    if (kept[i])
      setenv(names[i], kept[i], 1);
    else
      unsetenv(names[i]);
    free(kept[i]);
  }
}

static inline void testbed_eyes_close(struct lab *eyes) {
  char command[128];
  lab_disconnect(eyes);
  snprintf(command, sizeof(command), "rm -rf %s", eyes->dir);
  assert_int_equal(system(command), 0);
}

/* A service of which more than one container runs, over both machines; NULL: none. */
static inline const char *testbed_twice(const struct observed *o) {
  for (size_t i = 0; i < o->machine_count; i++)
    for (size_t k = 0; k < o->machines[i].container_count; k++) {
      const struct observed_container *c = &o->machines[i].containers[k];
      size_t running = 0;
      for (size_t m = 0; m < o->machine_count; m++)
        for (size_t n = 0; n < o->machines[m].container_count; n++) {
          const struct observed_container *other = &o->machines[m].containers[n];
          running += strcmp(other->service, c->service) == 0 &&
                     (strcmp(other->state, "running") == 0 || strcmp(other->state, "restarting") == 0);
        }
      if (running > 1)
        return c->service;
    }
  return NULL;
}

#endif
