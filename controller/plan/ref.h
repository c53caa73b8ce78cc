/* Image references as the engine lists them. */
#ifndef TANDEM_PLAN_REF_H
#define TANDEM_PLAN_REF_H

#include <stdbool.h>

/* The familiar form that GET /images/json prints: "docker.io/library/" dropped, ":latest" added where there is
 * neither tag nor digest. Caller frees; NULL without memory. */
char *ref_familiar(const char *ref);

/* tandem's own tag that keeps an image of a kept revision from a prune: "tandem/PROJECT:<32 hex of the ID>".
 * Caller frees; NULL without memory. */
char *ref_hold(const char *project, const char *image_id);

#endif
