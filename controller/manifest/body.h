/* The body of POST /containers/create for a service, as docker compose sends it: one table of Compose keys
 * (body_table.c), the Engine fields they go to, and how. */
#ifndef TANDEM_MANIFEST_BODY_H
#define TANDEM_MANIFEST_BODY_H

#include <cjson/cJSON.h>

#include "controller/manifest/fleet_private.h"

/* What the com.docker.compose.version label says: the release whose behaviour this is. */
#define BODY_COMPOSE_VERSION "2.40.3"

/* A body being made. */
struct body {
  struct loading *l;
  struct service *service;
  const struct node *from; /* the service of the document */
  cJSON *config;           /* the body itself */
  cJSON *host;             /* its HostConfig */
};

struct body_field;
typedef int body_convert(struct body *b, const struct body_field *f, const struct node *value, struct err *err);

struct body_field {
  const char *key;    /* path in the service */
  bool host;          /* in HostConfig, else in the body itself */
  const char *engine; /* the Engine API's name */
  body_convert *convert;
};

/* Fills service->body, files, networks, volumes, limits and secret_env. */
int body_make(struct loading *l, struct service *service, const struct node *from, struct err *err);

extern const struct body_field body_fields[];
extern const size_t body_field_count;

/* The object a field goes into. */
cJSON *body_target(struct body *b, const struct body_field *f);
/* The array of that name in HostConfig, made when it is not there. NULL without memory. */
cJSON *body_host_array(struct body *b, const char *name);
/* Appends; takes the item over. */
int body_append(cJSON *array, cJSON *item, struct err *err);

/* body_convert.c */
body_convert body_text, body_copy, body_int, body_flag, body_cpus, body_seconds, body_health, body_restart,
    body_deploy_restart, body_log, body_tmpfs, body_hosts, body_ulimits, body_caps;
/* body_device.c */
body_convert body_devices, body_device_requests, body_gpus, body_blkio;
/* body_port.c */
body_convert body_expose, body_ports;
/* body_volume.c */
body_convert body_volumes;
/* body_file.c */
body_convert body_secrets, body_configs;
/* body_link.c */
body_convert body_links, body_external_links, body_volumes_from;
/* body_security.c */
body_convert body_security;

/* body_network.c */
int body_networks(struct body *b, struct err *err);
/* body_label.c */
int body_labels(struct body *b, struct err *err);
/* body_env.c: Env, the thread pools' sizes included */
int body_env(struct body *b, struct err *err);
/* body_limit.c: x-tandem's limits where Compose keys set none */
int body_limits(struct body *b, struct err *err);

#endif
