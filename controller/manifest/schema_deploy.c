#include "controller/manifest/schema_tables.h"

static const char *const orders[] = {"start-first", "stop-first", NULL};

#define COUNTED(name, ref)                                                                                             \
  .key = name, .accepts = A_INT | A_STRING, .cast = CAST_INT, .form = FORM_UINT_KEPT, .section = ref

static const struct rule update_members[] = {
    {COUNTED("parallelism", "deploy#update_config")},
    {.key = "delay", .accepts = A_STRING, .form = FORM_DURATION, .section = "deploy#update_config"},
    {TEXT("failure_action", "deploy#update_config")},
    {.key = "monitor", .accepts = A_STRING, .form = FORM_DURATION, .section = "deploy#update_config"},
    {.key = "max_failure_ratio",
     .accepts = A_NUMBER | A_STRING,
     .cast = CAST_FLOAT,
     .form = FORM_FLOAT,
     .section = "deploy#update_config"},
    {TEXT("order", "deploy#update_config"), .words = orders},
    END_OF_TABLE,
};

static const struct rule device_request_members[] = {
    {TEXTS("capabilities", "deploy#devices"), .flags = R_UNIQUE | R_REQUIRED},
    {TEXT("driver", "deploy#devices")},
    {.key = "count", .accepts = A_INT | A_STRING, .form = FORM_COUNT, .section = "deploy#devices"},
    {TEXTS("device_ids", "deploy#devices"), .flags = R_UNIQUE},
    {.key = "options",
     .accepts = A_LIST | A_MAP,
     .form = FORM_OPTIONS,
     .members = schema_dict,
     .item = &schema_text,
     .flags = R_UNIQUE,
     .section = "deploy#devices"},
    END_OF_TABLE,
};

static const struct rule device_request = {MAP("*", device_request_members, FORM_MAP_KEPT, "deploy#devices")};

static const struct rule gpu_members[] = {
    {TEXTS("capabilities", "services#gpus"), .flags = R_UNIQUE},
    {TEXT("driver", "services#gpus")},
    {.key = "count", .accepts = A_INT | A_STRING, .form = FORM_COUNT, .section = "services#gpus"},
    {TEXTS("device_ids", "services#gpus"), .flags = R_UNIQUE},
    {.key = "options",
     .accepts = A_LIST | A_MAP,
     .form = FORM_OPTIONS,
     .members = schema_dict,
     .item = &schema_text,
     .flags = R_UNIQUE,
     .section = "services#gpus"},
    END_OF_TABLE,
};

const struct rule schema_device_request = {MAP("*", gpu_members, FORM_MAP_KEPT, "services#gpus"), .flags = R_OPEN};

static const struct rule generic_spec[] = {
    {.key = "kind", .accepts = A_STRING, .form = FORM_STRING, .flags = R_PRINT_EMPTY},
    {.key = "value", .accepts = A_NUMBER | A_STRING, .form = FORM_INT_KEPT, .flags = R_PRINT_EMPTY},
    END_OF_TABLE,
};

static const struct rule generic_members[] = {
    {MAP("discrete_resource_spec", generic_spec, FORM_MAP_KEPT, "deploy#resources")},
    END_OF_TABLE,
};

static const struct rule generic_resource = {MAP("*", generic_members, FORM_MAP_KEPT, "deploy#resources")};

#define CPUS_AND_MEMORY                                                                                                \
  {.key = "cpus", .accepts = A_NUMBER | A_STRING, .form = FORM_CPUS, .section = "deploy#cpus"}, {                      \
    .key = "memory", .accepts = A_STRING, .form = FORM_BYTES, .section = "deploy#memory"                               \
  }

static const struct rule limit_members[] = {
    CPUS_AND_MEMORY,
    {.key = "pids", .accepts = A_INT | A_STRING, .form = FORM_INT, .section = "deploy#pids"},
    END_OF_TABLE,
};

static const struct rule reservation_members[] = {
    CPUS_AND_MEMORY,
    {LIST("devices", &device_request, "deploy#devices")},
    {LIST("generic_resources", &generic_resource, "deploy#resources")},
    END_OF_TABLE,
};

static const struct rule resources_members[] = {
    {MAP("limits", limit_members, FORM_MAP_KEPT, "deploy#resources")},
    {MAP("reservations", reservation_members, FORM_MAP_KEPT, "deploy#resources")},
    END_OF_TABLE,
};

static const struct rule restart_members[] = {
    {TEXT("condition", "deploy#restart_policy")},
    {DURATION("delay", "deploy#restart_policy")},
    {COUNTED("max_attempts", "deploy#restart_policy")},
    {DURATION("window", "deploy#restart_policy")},
    END_OF_TABLE,
};

static const struct rule preference_members[] = {
    {TEXT("spread", "deploy#placement")},
    END_OF_TABLE,
};

static const struct rule preference = {MAP("*", preference_members, FORM_MAP_KEPT, "deploy#placement")};

static const struct rule placement_members[] = {
    {TEXTS("constraints", "deploy#placement")},
    {LIST("preferences", &preference, "deploy#placement")},
    {.key = "max_replicas_per_node",
     .accepts = A_INT | A_STRING,
     .cast = CAST_INT,
     .form = FORM_UINT,
     .section = "deploy#placement"},
    END_OF_TABLE,
};

const struct rule schema_deploy[] = {
    {TEXT("mode", "deploy#mode")},
    {.key = "replicas",
     .accepts = A_INT | A_STRING,
     .cast = CAST_INT,
     .form = FORM_INT_KEPT,
     .section = "deploy#replicas"},
    {DICT("labels", FORM_LABELS, "deploy#labels"), .unique = UNIQUE_KEY},
    {MAP("update_config", update_members, FORM_MAP_KEPT, "deploy#update_config")},
    {MAP("rollback_config", update_members, FORM_MAP_KEPT, "deploy#rollback_config")},
    {MAP("resources", resources_members, FORM_MAP_ALWAYS, "deploy#resources")},
    {MAP("restart_policy", restart_members, FORM_MAP_KEPT, "deploy#restart_policy")},
    {MAP("placement", placement_members, FORM_MAP_ALWAYS, "deploy#placement")},
    {TEXT("endpoint_mode", "deploy#endpoint_mode")},
    END_OF_TABLE,
};

static const struct rule hook_members[] = {
    {.key = "command",
     .accepts = A_STRING | A_LIST | A_NULL,
     .item = &schema_text,
     .form = FORM_COMMAND_KEPT,
     .flags = R_REQUIRED,
     .section = "services#post_start"},
    {TEXT("user", "services#post_start")},
    {BOOL("privileged", "services#post_start")},
    {TEXT("working_dir", "services#post_start")},
    {.key = "environment",
     .accepts = A_LIST | A_MAP,
     .form = FORM_ENV,
     .members = schema_dict,
     .item = &schema_text,
     .flags = R_UNIQUE,
     .section = "services#post_start"},
    END_OF_TABLE,
};

const struct rule schema_hook = {MAP("*", hook_members, FORM_MAP_KEPT, "services#post_start")};

static const char *const watch_actions[] = {"rebuild", "sync", "restart", "sync+restart", "sync+exec", NULL};

static const struct rule watch_members[] = {
    {TEXT("path", "develop#path"), .flags = R_REQUIRED | R_PRINT_EMPTY},
    {TEXT("action", "develop#action"), .words = watch_actions, .flags = R_REQUIRED | R_PRINT_EMPTY},
    {TEXT("target", "develop#target")},
    {MAP("exec", hook_members, FORM_MAP_ALWAYS, "develop#exec")},
    {TEXT_OR_LIST("include", "develop#include"), .expand = EXPAND_LIST},
    {TEXT_OR_LIST("ignore", "develop#ignore"), .expand = EXPAND_LIST},
    {.key = "initial_sync", .accepts = A_BOOL, .form = FORM_BOOL, .section = "develop#initial_sync"},
    END_OF_TABLE,
};

static const struct rule watch = {MAP("*", watch_members, FORM_MAP_KEPT, "develop#watch")};

const struct rule schema_develop[] = {
    {LIST("watch", &watch, "develop#watch")},
    END_OF_TABLE,
};

const struct rule schema_healthcheck[] = {
    {.key = "test",
     .accepts = A_STRING | A_LIST,
     .item = &schema_text,
     .merge = MERGE_REPLACE,
     .form = FORM_HEALTH_TEST,
     .section = "services#healthcheck"},
    {DURATION("timeout", "services#healthcheck")},
    {DURATION("interval", "services#healthcheck")},
    {.key = "retries",
     .accepts = A_NUMBER | A_STRING,
     .cast = CAST_INT,
     .form = FORM_UINT_KEPT,
     .section = "services#healthcheck"},
    {DURATION("start_period", "services#healthcheck")},
    {DURATION("start_interval", "services#healthcheck")},
    {.key = "disable",
     .accepts = A_BOOL | A_STRING,
     .cast = CAST_BOOL,
     .form = FORM_BOOL,
     .section = "services#healthcheck"},
    END_OF_TABLE,
};
