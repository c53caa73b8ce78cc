/* docker compose's config-hash: SHA-256 of Go's JSON of a resolved service, network or volume. */
#ifndef TANDEM_MANIFEST_CONFIGHASH_H
#define TANDEM_MANIFEST_CONFIGHASH_H

#include "controller/manifest/document.h"

/* docker compose hashes a service that has an env_file or label_file in two ways. */
enum confighash {
  CONFIGHASH_LABEL,  /* the label that `up` sets: env_file read into environment, label_file left */
  CONFIGHASH_CONFIG, /* `config --hash`: env_file left, label_file read into labels */
};

/* Of a service of the document: without build, pull_policy, scale, depends_on, profiles and deploy.replicas. */
int confighash_service(const struct document *d, const char *name, enum confighash kind, char ret_hex[65],
                       struct err *err);
int confighash_network(const struct node *network, char ret_hex[65], struct err *err);
/* The driver is hashed as "local" when none is given. */
int confighash_volume(const struct node *volume, char ret_hex[65], struct err *err);

#endif
