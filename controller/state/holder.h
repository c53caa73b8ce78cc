/* Who holds a lock: a process, told so that people and other processes can recognise it. */
#ifndef TANDEM_STATE_HOLDER_H
#define TANDEM_STATE_HOLDER_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/base/err.h"

struct holder {
  int64_t pid;
  int64_t started;   /* clock ticks after the boot: with the pid it names a process for good */
  int64_t namespace; /* of pids */
  int64_t since_s;   /* since 1970 */
  char host[65];
  char boot[40]; /* of the kernel that it runs on */
  char command[128];
  char state_dir[512];
};

/* This process. command and state_dir are cut to fit. */
void holder_self(const char *command, const char *state_dir, struct holder *ret);
/* As one JSON object, and back; false when it is none. NULL without memory. */
cJSON *holder_json(const struct holder *h);
bool holder_parse(const cJSON *json, struct holder *ret);
enum holder_life {
  HOLDER_ENDED,
  HOLDER_RUNS,
  HOLDER_UNSURE, /* of another kernel or pid namespace, or stopped: it may go on at any time */
};
enum holder_life holder_life(const struct holder *h);
bool holder_is_self(const struct holder *h);
/* "tandem apply (pid 123 on other) since 12:00:03"; the host only when it is another one. */
void holder_text(const struct holder *h, char *out, size_t size);

#endif
