/* The fleet: what the user's Compose files and x-tandem say, resolved. Pure data; made by manifest_load(), read by
 * controller/plan. Field names are the Compose Specification's or the Engine API's. All strings are owned by the
 * fleet; arrays are NULL when empty. */
#ifndef TANDEM_MANIFEST_FLEET_H
#define TANDEM_MANIFEST_FLEET_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/base/err.h"
#include "api/base/strv.h"

/* Where a value stands in the user's files; file is NULL for a default. Lines and columns count from 1. */
struct position {
  const char *file; /* belongs to the fleet */
  int line;
  int column;
};

/* x-tandem.machines.NAME, or the one machine `local` when there is none. */
struct machine {
  char *name;
  char *endpoint; /* unix://, tcp://, ssh://, context:// */
  char *address;  /* how containers on other machines reach this one; NULL if not given */
  char *tls_ca;   /* absolute paths (relative ones are taken from the file that names them); NULL without TLS */
  char *tls_cert;
  char *tls_key;
  bool insecure;
  struct position pos;
};

/* A Compose `build` (Compose Build Specification), paths absolute. */
struct build {
  char *context;           /* absolute folder, or a URL (then not supported: say so at plan time) */
  char *dockerfile;        /* inside the context, or absolute; never NULL ("Dockerfile") */
  char *dockerfile_inline; /* NULL */
  char *target;            /* NULL */
  char *network;           /* NULL */
  cJSON *args;             /* object of strings (nulls already resolved or dropped) */
  cJSON *labels;           /* object of strings */
  cJSON *cache_from;       /* array of strings */
  cJSON *extra_hosts;      /* array of "host:ip" */
  struct strv tags;
  int64_t shm_size_bytes; /* 0: unset */
  bool no_cache;
  bool pull;
  struct position pos;
};

/* x-tandem.tiers.NAME */
struct tier {
  char *name;
  char *image; /* PROJECT-tier-NAME:latest */
  struct build *build;
  struct position pos;
};

enum depends_condition { DEPENDS_STARTED, DEPENDS_HEALTHY, DEPENDS_COMPLETED };

struct dependency {
  char *service;
  enum depends_condition condition;
  bool restart;
  bool required;
  struct position pos;
};

enum update_order { ORDER_AUTO, ORDER_START_FIRST, ORDER_STOP_FIRST };

/* x-tandem.update, overlaid by x-tandem.services.*.update */
struct update_policy {
  enum update_order order;
  int parallelism; /* steps at a time per machine */
  int64_t monitor_ms;
  int retain; /* revisions kept */
  int64_t reconnect_ms; /* how long a transaction waits for a machine that does not answer */
};

/* x-tandem limits in effect; 0 = none. What Compose keys on the service say has won already. */
struct limits {
  double cpu_percent;
  int64_t memory_mb;
  int64_t max_threads;
  int64_t pids;
  struct position pids_pos; /* where the pids cap in effect was written */
};

/* One expanded published port. published 0 = a random host port. */
struct published_port {
  char *host_ip;  /* NULL: all */
  char *protocol; /* "tcp" */
  int published;
  int target;
  struct position pos;
};

#define MACHINE_NONE ((size_t)-1)

struct service {
  char *name;
  size_t machine; /* index into fleet.machines; MACHINE_NONE until something places it (fleet_check() refuses that) */
  struct position machine_pos;
  int tier; /* index into fleet.tiers, -1 none */
  struct position pos;

  char *container_name;    /* container_name, else PROJECT-SERVICE-1 */
  bool container_name_set; /* the user fixed it */
  char *image;             /* as used at create: image, else PROJECT-SERVICE */
  struct build *build;     /* NULL: no build */
  char *platform;          /* NULL */
  char *pull_policy;       /* NULL: missing */

  struct dependency *dependencies;
  size_t dependency_count;
  struct published_port *ports;
  size_t port_count;

  struct limits limits;
  struct update_policy update;
  bool pinned;
  char *requirements; /* absolute path or NULL */
  cJSON *gates;       /* x-tandem.services.*.gates as written, or NULL */

  bool has_healthcheck; /* in the Compose file (the image may have one still) */
  int stop_grace_s;     /* -1: unset, the engine's own default of 10 */
  int replicas;         /* 1 is all that is supported: more is an error of the loader that says so; 0 = none */

  /* POST /containers/create's body as docker compose sends it (compose-to-engine.md), limits and thread pools
   * included; com.docker.compose.* labels included (but image, the image's ID, is the transaction's); tandem.* labels
   * and names across machines are not: plan adds them. References to other containers (network_mode, pid, ipc
   * "service:X", volumes_from, links) stay as "service:X" text. */
  cJSON *body;
  /* Files to put into the container before its start (secrets and configs with content or environment):
   * [{"path", "content", "mode", "uid", "gid"}]; NULL none. */
  cJSON *files;
  struct strv networks;         /* keys of fleet.networks it joins, first = the one in HostConfig.NetworkMode */
  struct strv volumes;          /* keys of fleet.volumes it mounts */
  struct strv secret_env;       /* environment names whose values are not to be shown (look like credentials) */
  cJSON *post_start, *pre_stop; /* arrays as written, or NULL */
};

/* A top-level network or volume that at least one service uses. */
struct resource {
  char *key;
  char *name; /* real name, PROJECT_KEY unless named */
  bool external;
  cJSON *body; /* POST /networks/create or /volumes/create, labels included; NULL when external */
  struct position pos;
};

struct placement {
  const char *service;
  const char *machine;
};

struct document;

struct fleet {
  char *name;
  char *working_dir;        /* of the first file */
  struct strv files;        /* absolute, as given by -f or found */
  struct strv loaded_files; /* every file whose content went in (includes, extends, env files): for fingerprints */
  struct machine *machines;
  size_t machine_count;
  struct tier *tiers;
  size_t tier_count;
  struct service *services; /* sorted by name */
  size_t service_count;
  struct resource *networks;
  size_t network_count;
  struct resource *volumes;
  size_t volume_count;
  struct update_policy update;
  cJSON *document;         /* the document of `docker compose config --format json`, "$" not doubled */
  struct strv warnings;    /* "file:line:column: text" */
  struct document *source; /* what all this was made from, and what positions' file names belong to */
};

struct manifest_options {
  const char *const *files; /* -f, in order; NULL: COMPOSE_FILE, tandem.yaml, Compose's default names, upwards */
  size_t file_count;
  const char *project_name; /* -p or NULL */
  const char *const *env_files;
  size_t env_file_count;
  const char *const *profiles;
  size_t profile_count;
  const char *working_dir;    /* where to look for files; NULL: the current one */
  const char *const *environ; /* "K=V", NULL-terminated: the only environment that is used */
  /* Where services were relocated to: wins over x-tandem and constraints; an unknown service is ignored. */
  const struct placement *placements;
  size_t placement_count;
};

/* Reads, merges, resolves and checks everything. ERR_INPUT with message "file:line:column: what is wrong, what was
 * expected". Nothing but the named files is read. Caller frees with fleet_free(). */
int manifest_load(const struct manifest_options *options, struct fleet **ret_fleet, struct err *err);
void fleet_free(struct fleet *fleet);

/* What deploying needs beyond what `config` shows: every service has a machine that exists and a known tier, no host
 * port or container name is taken twice on a machine, thread caps can work, ... ERR_INPUT with the position. */
int fleet_check(const struct fleet *fleet, struct err *err);

/* NULL when there is none. */
const struct service *fleet_service(const struct fleet *fleet, const char *name);
const struct machine *fleet_machine(const struct fleet *fleet, const char *name);

/* `config` in its forms. Caller frees the text. */
int fleet_config_json(const struct fleet *fleet, char **ret_text, struct err *err);
int fleet_config_yaml(const struct fleet *fleet, char **ret_text, struct err *err);
/* What `docker compose config --hash` prints for a service, 64 hex digits. (The label in its body differs from it where
 * an env_file or label_file is read.) */
int fleet_service_config_hash(const struct fleet *fleet, const struct service *service, char ret_hex[65],
                              struct err *err);

/* The line of a file that an error names, and a line with a caret under the column; both end in a newline. Caller
 * frees. -1 when the file cannot be read or has no such line: then there is nothing to show. */
int manifest_excerpt(const char *file, int line, int column, char **ret_text);

#endif
