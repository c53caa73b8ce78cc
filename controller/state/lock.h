/* The lock file of the state folder: a kernel lock (flock) that dies with its holder, and one line that says who holds
 * it. The file is never removed: a name that comes and goes could be locked twice. */
#ifndef TANDEM_STATE_LOCK_H
#define TANDEM_STATE_LOCK_H

#include "api/base/err.h"

/* Takes DIR/lock without waiting. Another holder: ERR_LOCKED, `locked by tandem apply (pid 123) since 12:00:03`. */
int lock_take(const char *dir, const char *command, int *ret_fd, struct err *err);
/* Gives it back; fd may be -1. */
void lock_drop(int fd);

#endif
