/* Scoped cleanup: a local marked with one of these is released when it leaves its scope.
 * STEAL hands the value on (to a caller or an owner) and leaves NULL behind. */
#ifndef TANDEM_BASE_CLEANUP_H
#define TANDEM_BASE_CLEANUP_H

#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free_impl(void *p) {
  free(*(void **)p);
}

static inline void cleanup_close_impl(const int *fd) {
  if (*fd >= 0)
    close(*fd);
}

#define CLEANUP(f) __attribute__((cleanup(f)))
#define CLEANUP_FREE CLEANUP(cleanup_free_impl)
#define CLEANUP_CLOSE CLEANUP(cleanup_close_impl)

#define STEAL(p) \
  ({ \
    __typeof__(p) steal_ = (p); \
    (p) = NULL; \
    steal_; \
  })

#define COUNT_OF(a) (sizeof(a) / sizeof((a)[0]))

#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))

#endif
