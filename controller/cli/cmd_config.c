#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/json.h"
#include "api/base/strv.h"
#include "controller/cli/cli.h"
#include "controller/cli/cmd.h"
#include "controller/cli/suggest.h"

/* Whether a service is meant: by --hash=NAME, by the words, or because nothing is named ("*" is all). */
static bool is_meant(const struct options *o, const char *name) {
  bool all = !o->arg_count && !o->hash;

  if (o->hash && (strcmp(o->hash, "*") == 0 || strcmp(o->hash, name) == 0))
    return true;
  for (size_t i = 0; i < o->arg_count; i++)
    all = all || strcmp(o->args[i], "*") == 0 || strcmp(o->args[i], name) == 0;
  return all;
}

static int check_name(const struct fleet *fleet, const char *name, struct err *err) {
  struct suggest s = SUGGEST_INIT(name);

  if (strcmp(name, "*") == 0 || fleet_service(fleet, name))
    return 0;
  for (size_t i = 0; i < fleet->service_count; i++)
    suggest_offer(&s, fleet->services[i].name);
  return err_set(err, ERR_INPUT, "there is no service %s%s%s", name, s.best ? ", did you mean " : "",
                 s.best ? s.best : "");
}

static int check_names(const struct fleet *fleet, const struct options *o, struct err *err) {
  if (o->hash && check_name(fleet, o->hash, err) < 0)
    return -1;
  for (size_t i = 0; i < o->arg_count; i++)
    if (check_name(fleet, o->args[i], err) < 0)
      return -1;
  return 0;
}

static int add_profiles(const struct fleet *fleet, struct strv *v, struct err *err) {
  const cJSON *service, *profile;

  cJSON_ArrayForEach(service, json_get(fleet->document, "services")) {
    cJSON_ArrayForEach(profile, json_get(service, "profiles")) {
      if (cJSON_IsString(profile) && strv_add_once(v, profile->valuestring, err) < 0)
        return -1;
    }
  }
  return 0;
}

static int add_names(const struct fleet *fleet, const struct options *o, struct strv *v, struct err *err) {
  for (size_t i = 0; i < fleet->service_count; i++) {
    const struct service *s = &fleet->services[i];

    if (!is_meant(o, s->name))
      continue;
    if ((o->services && strv_add_once(v, s->name, err) < 0) || (o->images && strv_add_once(v, s->image, err) < 0))
      return -1;
  }
  for (size_t i = 0; o->volumes && i < fleet->volume_count; i++)
    if (strv_add_once(v, fleet->volumes[i].key, err) < 0)
      return -1;
  return o->list_profiles ? add_profiles(fleet, v, err) : 0;
}

static int print_names(const struct fleet *fleet, const struct options *o, struct err *err) {
  CLEANUP_STRV struct strv names = STRV_INIT;

  if (add_names(fleet, o, &names, err) < 0)
    return -1;
  strv_sort(&names);
  for (size_t i = 0; i < names.count; i++)
    puts(names.items[i]);
  return 0;
}

static int print_hashes(const struct fleet *fleet, const struct options *o, struct err *err) {
  char hex[65];

  for (size_t i = 0; i < fleet->service_count; i++) {
    const struct service *s = &fleet->services[i];

    if (!is_meant(o, s->name))
      continue;
    if (fleet_service_config_hash(fleet, s, hex, err) < 0)
      return -1;
    printf("%s %s\n", s->name, hex);
  }
  return 0;
}

static int print_document(const struct fleet *fleet, const struct options *o, struct err *err) {
  CLEANUP_FREE char *text = NULL;
  bool json = o->format && strcmp(o->format, "json") == 0;
  size_t len;

  if ((json ? fleet_config_json(fleet, &text, err) : fleet_config_yaml(fleet, &text, err)) < 0)
    return -1;
  len = strlen(text);
  fputs(text, stdout);
  if (len == 0 || text[len - 1] != '\n')
    putchar('\n');
  return 0;
}

static int config(struct cli *cli, struct err *err) {
  const struct options *o = cli->options;
  const struct fleet *fleet;
  struct session *session;

  if (o->arg_count && !o->has_hash && !o->services && !o->images)
    return err_set(err, ERR_USAGE, "config: services can be named with --hash, --services and --images only");
  if (cli_session(cli, &session, err) < 0 || session_fleet(session, &fleet, err) < 0 || check_names(fleet, o, err) < 0)
    return -1;
  if (o->has_hash)
    return print_hashes(fleet, o, err);
  if (o->services || o->images || o->volumes || o->list_profiles)
    return print_names(fleet, o, err);
  return print_document(fleet, o, err);
}

int cmd_config(struct cli *cli) {
  CLEANUP_ERR struct err err = ERR_INIT;

  return config(cli, &err) < 0 ? cli_fail(cli, &err) : CODE_DONE;
}
