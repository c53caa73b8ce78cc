/* Which files, which variables and which name a project has, from the command line and the environment. */
#ifndef TANDEM_MANIFEST_LOCATE_H
#define TANDEM_MANIFEST_LOCATE_H

#include "controller/manifest/reader.h"

/* Fills document->files, environment and working_dir. */
int locate_project(struct reading *r, const struct manifest_options *options);
/* Fills document->name and COMPOSE_PROJECT_NAME in the environment; files are located. */
int locate_name(struct reading *r, const struct manifest_options *options);
/* -p over COMPOSE_PROFILES. */
int locate_profiles(struct reading *r, const struct manifest_options *options, struct strv *ret_profiles);

#endif
