/* Marks: containers that are never started and hold what an engine shall remember for tandem, a name and labels. They
 * carry no label of docker compose's, so that no one takes them for a part of the fleet. */
#ifndef TANDEM_DEPLOY_MARK_H
#define TANDEM_DEPLOY_MARK_H

#include "api/engine/engine.h"

/* "tandem.PROJECT.WHAT"; caller frees, NULL without memory. */
char *mark_name(const char *project, const char *what);
/* The create body; labels is taken over, also on failure. NULL without memory. */
cJSON *mark_body(cJSON *labels);
/* Makes the image of marks on an engine that lacks it: no file is in it. */
struct engine_call *mark_import(struct engine *e, engine_cb *cb, void *arg);

#endif
