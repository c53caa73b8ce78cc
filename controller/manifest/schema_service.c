#include <ctype.h>
#include <string.h>

#include "controller/manifest/schema_tables.h"

#define NUMBERED(name, ref)                                                                                            \
  .key = name, .accepts = A_NUMBER | A_STRING, .cast = CAST_INT, .form = FORM_INT, .section = ref
#define CAST_TO_BOOL(name, how, ref)                                                                                   \
  .key = name, .accepts = A_BOOL | A_STRING, .cast = CAST_BOOL, .form = how, .section = ref
#define COMMAND(name, ref)                                                                                             \
  .key = name, .accepts = A_STRING | A_LIST | A_NULL, .item = &schema_text, .merge = MERGE_REPLACE,                    \
  .form = FORM_COMMAND_KEPT, .section = ref
#define UNIQUE_TEXTS(name, ref) TEXTS(name, ref), .flags = R_UNIQUE

static const struct rule blkio_limit_members[] = {
    {.key = "path", .accepts = A_STRING, .form = FORM_STRING, .flags = R_PRINT_EMPTY},
    {.key = "rate", .accepts = A_INT | A_STRING, .form = FORM_BYTES, .flags = R_PRINT_EMPTY},
    END_OF_TABLE,
};
static const struct rule blkio_limit = {MAP("*", blkio_limit_members, FORM_MAP_KEPT, "services#blkio_config"),
                                        .flags = R_NO_EXTENSIONS | R_CAPITALS};
static const struct rule blkio_weight_members[] = {
    {.key = "path", .accepts = A_STRING, .form = FORM_STRING, .flags = R_PRINT_EMPTY},
    {.key = "weight", .accepts = A_INT | A_STRING, .form = FORM_UINT, .flags = R_PRINT_EMPTY},
    END_OF_TABLE,
};
static const struct rule blkio_weight = {MAP("*", blkio_weight_members, FORM_MAP_KEPT, "services#blkio_config"),
                                         .flags = R_NO_EXTENSIONS | R_CAPITALS};
static const struct rule blkio_members[] = {
    {.key = "weight", .accepts = A_INT | A_STRING, .form = FORM_UINT, .section = "services#blkio_config"},
    {LIST("weight_device", &blkio_weight, "services#blkio_config")},
    {LIST("device_read_bps", &blkio_limit, "services#blkio_config")},
    {LIST("device_read_iops", &blkio_limit, "services#blkio_config")},
    {LIST("device_write_bps", &blkio_limit, "services#blkio_config")},
    {LIST("device_write_iops", &blkio_limit, "services#blkio_config")},
    END_OF_TABLE,
};

static const struct rule credential_members[] = {
    {TEXT("config", "services#credential_spec")},
    {TEXT("file", "services#credential_spec")},
    {TEXT("registry", "services#credential_spec")},
    END_OF_TABLE,
};

static const char *const conditions[] = {"service_started", "service_healthy", "service_completed_successfully", NULL};
static const struct rule dependency_members[] = {
    {TEXT("condition", "services#depends_on"), .words = conditions, .flags = R_REQUIRED},
    {BOOL("restart", "services#depends_on")},
    {.key = "required", .accepts = A_BOOL, .form = FORM_BOOL_KEPT, .section = "services#depends_on"},
    END_OF_TABLE,
};
static const struct rule dependency[] = {
    {MAP("*", dependency_members, FORM_MAP_KEPT, "services#depends_on")},
    END_OF_TABLE,
};

static const struct rule device_members[] = {
    {TEXT("source", "services#devices"), .flags = R_REQUIRED},
    {TEXT("target", "services#devices")},
    {TEXT("permissions", "services#devices")},
    END_OF_TABLE,
};
static const struct rule device = {.key = "*",
                                   .accepts = A_STRING | A_MAP,
                                   .members = device_members,
                                   .expand = EXPAND_DEVICE,
                                   .form = FORM_MAP_KEPT,
                                   .section = "services#devices"};

static const struct rule provider_option = {.key = "*", .accepts = A_STRING | A_NUMBER | A_BOOL};
static const struct rule provider_options[] = {
    {.key = "*", .accepts = A_STRING | A_NUMBER | A_BOOL | A_LIST, .item = &provider_option, .form = FORM_AS_WRITTEN},
    END_OF_TABLE,
};
static const struct rule provider_members[] = {
    {TEXT("type", "services#provider"), .flags = R_REQUIRED},
    {MAP("options", provider_options, FORM_MULTI_OPTIONS, "services#provider")},
    END_OF_TABLE,
};

static const struct rule env_file_members[] = {
    {TEXT("path", "services#env_file"), .flags = R_REQUIRED},
    {.key = "required", .accepts = A_BOOL | A_STRING, .form = FORM_BOOL_KEPT, .section = "services#env_file"},
    {TEXT("format", "services#env_file")},
    END_OF_TABLE,
};
static const struct rule env_file = {.key = "*",
                                     .accepts = A_STRING | A_MAP,
                                     .members = env_file_members,
                                     .form = FORM_MAP_KEPT,
                                     .flags = R_NO_EXTENSIONS,
                                     .section = "services#env_file"};

static const struct rule text_or_number = {.key = "*", .accepts = A_STRING | A_NUMBER, .form = FORM_AS_WRITTEN};

static const struct rule extends_members[] = {
    {TEXT("file", "services#extends")},
    {TEXT("service", "services#extends"), .flags = R_REQUIRED},
    END_OF_TABLE,
};

static const struct rule logging_options[] = {
    {.key = "*", .accepts = A_STRING | A_NUMBER | A_NULL, .form = FORM_AS_WRITTEN},
    END_OF_TABLE,
};
static const struct rule logging_members[] = {
    {TEXT("driver", "services#logging")},
    {MAP("options", logging_options, FORM_OPTIONS, "services#logging")},
    END_OF_TABLE,
};

static const struct rule model_members[] = {
    {TEXT("endpoint_var", "services#models")},
    {TEXT("model_var", "services#models")},
    END_OF_TABLE,
};
static const struct rule model[] = {
    {.key = "*",
     .accepts = A_MAP | A_NULL,
     .members = model_members,
     .form = FORM_MAP_KEPT,
     .section = "services#models"},
    END_OF_TABLE,
};

static const struct rule network_members[] = {
    {UNIQUE_TEXTS("aliases", "services#aliases"), .unique = UNIQUE_KEY},
    {MAP("driver_opts", schema_options, FORM_OPTIONS, "services#driver_opts")},
    {.key = "gw_priority", .accepts = A_NUMBER, .form = FORM_INT, .section = "services#gw_priority"},
    {TEXT("interface_name", "services#interface_name")},
    {TEXT("ipv4_address", "services#ipv4_address")},
    {TEXT("ipv6_address", "services#ipv6_address")},
    {UNIQUE_TEXTS("link_local_ips", "services#link_local_ips"), .unique = UNIQUE_KEY},
    {TEXT("mac_address", "services#mac_address")},
    {.key = "priority", .accepts = A_NUMBER, .form = FORM_INT, .section = "services#priority"},
    END_OF_TABLE,
};
static const struct rule network[] = {
    {.key = "*",
     .accepts = A_MAP | A_NULL,
     .members = network_members,
     .form = FORM_MAP_KEPT,
     .section = "services#networks"},
    END_OF_TABLE,
};

static const struct rule port_members[] = {
    {TEXT("name", "services#ports")},
    {TEXT("mode", "services#ports")},
    {TEXT("host_ip", "services#ports")},
    {.key = "target", .accepts = A_INT | A_STRING, .cast = CAST_INT, .form = FORM_UINT, .section = "services#ports"},
    {.key = "published", .accepts = A_INT | A_STRING, .form = FORM_STRING, .section = "services#ports"},
    {TEXT("protocol", "services#ports")},
    {TEXT("app_protocol", "services#ports")},
    END_OF_TABLE,
};
static const struct rule port = {.key = "*",
                                 .accepts = A_NUMBER | A_STRING | A_MAP,
                                 .members = port_members,
                                 .form = FORM_MAP_KEPT,
                                 .section = "services#ports"};

static const struct rule any_text[] = {
    {.key = "*", .accepts = A_ANY, .form = FORM_AS_WRITTEN},
    END_OF_TABLE,
};

/* Two characters in a row that a name may have; compose asks for no more. */
static bool container_name(const char *text) {
  for (const char *p = text; *p; p++)
    if (isalnum((unsigned char)*p) && (isalnum((unsigned char)p[1]) || (p[1] && strchr("_.-", p[1]))))
      return true;
  return false;
}

/* A known word anywhere in the text, or every_ and at least one number with a unit. */
static bool pull_policy(const char *text) {
  static const char *const words[] = {"always",  "never",   "build", "if_not_present",
                                      "missing", "refresh", "daily", "weekly"};
  for (size_t i = 0; i < COUNT_OF(words); i++)
    if (strstr(text, words[i]))
      return true;
  for (const char *p = strstr(text, "every_"); p; p = strstr(p + 1, "every_")) {
    size_t digits = strspn(p + 6, "0123456789");
    if (digits > 0 && p[6 + digits] && strchr("wdhms", p[6 + digits]))
      return true;
  }
  return false;
}

static const char *const cgroups[] = {"host", "private", NULL};
static const char *const all_gpus[] = {"all", NULL};

const struct rule schema_service_members[] = {
    {UNIQUE_TEXTS("profiles", "services#profiles"), .unique = UNIQUE_KEY},
    {DICT("annotations", FORM_OPTIONS, "services#annotations"), .unique = UNIQUE_KEY},
    {BOOL("attach", "services#attach"), .form = FORM_BOOL_KEPT},
    {.key = "build",
     .accepts = A_STRING | A_MAP,
     .members = schema_build,
     .merge = MERGE_BUILD,
     .expand = EXPAND_BUILD,
     .form = FORM_MAP_KEPT,
     .section = "build"},
    {.key = "develop", .accepts = A_MAP | A_NULL, .members = schema_develop, .form = FORM_MAP, .section = "develop"},
    {MAP("blkio_config", blkio_members, FORM_MAP_KEPT, "services#blkio_config"), .flags = R_NO_EXTENSIONS},
    {UNIQUE_TEXTS("cap_add", "services#cap_add"), .unique = UNIQUE_KEY},
    {UNIQUE_TEXTS("cap_drop", "services#cap_drop"), .unique = UNIQUE_KEY},
    {TEXT("cgroup_parent", "services#cgroup_parent")},
    {TEXT("cgroup", "services#cgroup"), .words = cgroups},
    {NUMBERED("cpu_count", "services#cpu_count"), .accepts = A_INT | A_STRING, .min = 0, .max = INT32_MAX},
    {.key = "cpu_percent",
     .accepts = A_INT | A_STRING,
     .cast = CAST_FLOAT,
     .form = FORM_FLOAT,
     .min = 0,
     .max = 100,
     .section = "services#cpu_percent"},
    {NUMBERED("cpu_period", "services#cpu_period")},
    {NUMBERED("cpu_quota", "services#cpu_quota")},
    {NUMBERED("cpu_rt_period", "services#cpu_rt_period")},
    {NUMBERED("cpu_rt_runtime", "services#cpu_rt_runtime")},
    {.key = "cpus", .accepts = A_NUMBER | A_STRING, .cast = CAST_FLOAT, .form = FORM_FLOAT, .section = "services#cpus"},
    {TEXT("cpuset", "services#cpuset")},
    {NUMBERED("cpu_shares", "services#cpu_shares")},
    {COMMAND("command", "services#command")},
    {LIST("configs", &schema_file_mount, "services#configs"), .unique = UNIQUE_CONFIG},
    {TEXT("container_name", "services#container_name"), .pattern = container_name},
    {MAP("credential_spec", credential_members, FORM_MAP_KEPT, "services#credential_spec")},
    {.key = "depends_on",
     .accepts = A_LIST | A_MAP,
     .members = dependency,
     .item = &schema_text,
     .merge = MERGE_DEPENDS,
     .expand = EXPAND_DEPENDS,
     .form = FORM_ENTRIES,
     .flags = R_UNIQUE | R_ENTRY_NAMES,
     .section = "services#depends_on"},
    {.key = "deploy", .accepts = A_MAP | A_NULL, .members = schema_deploy, .form = FORM_MAP, .section = "deploy"},
    {UNIQUE_TEXTS("device_cgroup_rules", "services#device_cgroup_rules")},
    {LIST("devices", &device, "services#devices"), .unique = UNIQUE_DEVICE},
    {TEXT_OR_LIST("dns", "services#dns"), .merge = MERGE_SEQUENCE, .unique = UNIQUE_KEY, .expand = EXPAND_LIST},
    {UNIQUE_TEXTS("dns_opt", "services#dns_opt"), .merge = MERGE_SEQUENCE, .unique = UNIQUE_KEY},
    {TEXT_OR_LIST("dns_search", "services#dns_search"), .merge = MERGE_SEQUENCE, .unique = UNIQUE_KEY},
    {TEXT("domainname", "services#domainname")},
    {COMMAND("entrypoint", "services#entrypoint")},
    {MAP("provider", provider_members, FORM_MAP_KEPT, "services#provider")},
    {DICT("environment", FORM_ENV, "services#environment"), .unique = UNIQUE_KEY},
    {.key = "env_file",
     .accepts = A_STRING | A_LIST,
     .item = &env_file,
     .merge = MERGE_SEQUENCE,
     .unique = UNIQUE_ENV_FILE,
     .expand = EXPAND_ENV_FILE,
     .form = FORM_LIST,
     .section = "services#env_file"},
    {.key = "expose",
     .accepts = A_LIST,
     .item = &text_or_number,
     .unique = UNIQUE_TEXT,
     .form = FORM_STRINGS_OR_NUMBERS,
     .flags = R_UNIQUE,
     .section = "services#expose"},
    {.key = "extends",
     .accepts = A_STRING | A_MAP,
     .members = extends_members,
     .form = FORM_DROPPED,
     .flags = R_NO_EXTENSIONS,
     .section = "services#extends"},
    {UNIQUE_TEXTS("external_links", "services#external_links")},
    {HOSTS("extra_hosts", "services#extra_hosts")},
    {.key = "group_add",
     .accepts = A_LIST,
     .item = &text_or_number,
     .form = FORM_STRINGS_OR_NUMBERS,
     .flags = R_UNIQUE,
     .section = "services#group_add"},
    {.key = "gpus",
     .accepts = A_STRING | A_LIST,
     .item = &schema_device_request,
     .expand = EXPAND_GPUS,
     .form = FORM_LIST,
     .words = all_gpus,
     .section = "services#gpus"},
    {TEXT("hostname", "services#hostname")},
    {MAP("healthcheck", schema_healthcheck, FORM_MAP_KEPT, "services#healthcheck")},
    {TEXT("image", "services#image")},
    {CAST_TO_BOOL("init", FORM_BOOL_KEPT, "services#init")},
    {TEXT("ipc", "services#ipc")},
    {TEXT("isolation", "services#isolation")},
    {DICT("labels", FORM_LABELS, "services#labels"), .unique = UNIQUE_KEY},
    {.key = "label_file",
     .accepts = A_STRING | A_LIST,
     .item = &schema_text,
     .merge = MERGE_SEQUENCE,
     .expand = EXPAND_LIST,
     .form = FORM_STRINGS,
     .section = "services#label_file"},
    {UNIQUE_TEXTS("links", "services#links"), .unique = UNIQUE_KEY},
    {MAP("logging", logging_members, FORM_MAP_KEPT, "services#logging"), .merge = MERGE_LOGGING},
    {BYTES("mem_limit", "services#mem_limit")},
    {BYTES("mem_reservation", "services#mem_reservation"), .accepts = A_INT | A_STRING},
    {BYTES("memswap_limit", "services#memswap_limit")},
    {BYTES("mem_swappiness", "services#mem_swappiness"), .accepts = A_INT | A_STRING},
    {TEXT("mac_address", "services#mac_address")},
    {.key = "models",
     .accepts = A_LIST | A_MAP,
     .members = model,
     .item = &schema_text,
     .merge = MERGE_NAMES,
     .expand = EXPAND_NAMES,
     .form = FORM_ENTRIES,
     .flags = R_UNIQUE,
     .section = "services#models"},
    {TEXT("network_mode", "services#network_mode")},
    {.key = "networks",
     .accepts = A_LIST | A_MAP,
     .members = network,
     .item = &schema_text,
     .merge = MERGE_NAMES,
     .expand = EXPAND_NAMES,
     .form = FORM_ENTRIES,
     .flags = R_UNIQUE | R_ENTRY_NAMES,
     .section = "services#networks"},
    {CAST_TO_BOOL("oom_kill_disable", FORM_BOOL, "services#oom_kill_disable")},
    {NUMBERED("oom_score_adj", "services#oom_score_adj"), .accepts = A_INT | A_STRING, .min = -1000, .max = 1000},
    {TEXT("pid", "services#pid"), .accepts = A_STRING | A_NULL},
    {NUMBERED("pids_limit", "services#pids_limit")},
    {TEXT("platform", "services#platform")},
    {LIST("ports", &port, "services#ports"), .unique = UNIQUE_PORT, .expand = EXPAND_PORTS, .flags = R_UNIQUE},
    {CAST_TO_BOOL("privileged", FORM_BOOL, "services#privileged")},
    {TEXT("pull_policy", "services#pull_policy"), .pattern = pull_policy},
    {.key = "pull_refresh_after", .accepts = A_STRING, .form = FORM_DROPPED, .section = "services#pull_policy"},
    {CAST_TO_BOOL("read_only", FORM_BOOL, "services#read_only")},
    {TEXT("restart", "services#restart")},
    {TEXT("runtime", "services#runtime")},
    {.key = "scale", .accepts = A_INT | A_STRING, .cast = CAST_INT, .form = FORM_INT_KEPT, .section = "services#scale"},
    {LIST("secrets", &schema_file_mount, "services#secrets"), .unique = UNIQUE_SECRET},
    {UNIQUE_TEXTS("security_opt", "services#security_opt")},
    {BYTES("shm_size", "services#shm_size")},
    {CAST_TO_BOOL("stdin_open", FORM_BOOL, "services#stdin_open")},
    {DURATION("stop_grace_period", "services#stop_grace_period")},
    {TEXT("stop_signal", "services#stop_signal")},
    {MAP("storage_opt", any_text, FORM_OPTIONS, "services#storage_opt")},
    {DICT("sysctls", FORM_OPTIONS, "services#sysctls"), .unique = UNIQUE_KEY},
    {TEXT_OR_LIST("tmpfs", "services#tmpfs"), .merge = MERGE_SEQUENCE, .unique = UNIQUE_KEY},
    {CAST_TO_BOOL("tty", FORM_BOOL, "services#tty")},
    {ULIMITS("ulimits", schema_service_ulimit, "services#ulimits")},
    {.key = "use_api_socket", .accepts = A_BOOL, .form = FORM_BOOL, .section = "services#use_api_socket"},
    {TEXT("user", "services#user")},
    {TEXT("userns_mode", "services#userns_mode")},
    {TEXT("uts", "services#uts")},
    {LIST("volumes", &schema_volume_mount, "services#volumes"), .unique = UNIQUE_VOLUME, .flags = R_UNIQUE},
    {UNIQUE_TEXTS("volumes_from", "services#volumes_from")},
    {TEXT("working_dir", "services#working_dir")},
    {LIST("post_start", &schema_hook, "services#post_start")},
    {LIST("pre_stop", &schema_hook, "services#pre_stop")},
    END_OF_TABLE,
};

const struct rule schema_service = {MAP("*", schema_service_members, FORM_MAP_KEPT, "services")};
