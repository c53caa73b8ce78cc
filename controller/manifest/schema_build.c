#include "controller/manifest/schema_tables.h"

static const struct rule ulimit_members[] = {
    {.key = "soft", .accepts = A_INT | A_STRING, .cast = CAST_INT, .form = FORM_INT, .flags = R_REQUIRED},
    {.key = "hard", .accepts = A_INT | A_STRING, .cast = CAST_INT, .form = FORM_INT, .flags = R_REQUIRED},
    END_OF_TABLE,
};

#define ULIMIT(how)                                                                                                    \
  {                                                                                                                    \
    .key = "*", .accepts = A_INT | A_STRING | A_MAP, .cast = CAST_INT, .merge = how, .expand = EXPAND_ULIMIT,          \
    .form = FORM_ULIMIT, .members = ulimit_members, .section = "services#ulimits"                                      \
  }

const struct rule schema_ulimit[] = {
    ULIMIT(MERGE_DEFAULT),
    END_OF_TABLE,
};

const struct rule schema_service_ulimit[] = {
    ULIMIT(MERGE_REPLACE),
    END_OF_TABLE,
};

const struct rule schema_dict[] = {
    {.key = "*", .accepts = A_STRING | A_NUMBER | A_BOOL | A_NULL, .form = FORM_AS_WRITTEN},
    END_OF_TABLE,
};

const struct rule schema_text = {.key = "*", .accepts = A_STRING, .form = FORM_STRING};

const struct rule schema_hosts_entry[] = {
    {.key = "*", .accepts = A_STRING | A_LIST, .form = FORM_AS_WRITTEN, .item = &schema_text},
    END_OF_TABLE,
};

const struct rule schema_options[] = {
    {.key = "*", .accepts = A_STRING | A_NUMBER, .form = FORM_AS_WRITTEN},
    END_OF_TABLE,
};

static const struct rule file_mount_members[] = {
    {TEXT("source", "services#secrets")},
    {TEXT("target", "services#secrets")},
    {TEXT("uid", "services#secrets")},
    {TEXT("gid", "services#secrets")},
    {.key = "mode", .accepts = A_NUMBER | A_STRING, .form = FORM_FILE_MODE_KEPT, .section = "services#secrets"},
    END_OF_TABLE,
};

const struct rule schema_file_mount = {
    .key = "*",
    .accepts = A_STRING | A_MAP,
    .expand = EXPAND_FILE_MOUNT,
    .form = FORM_MAP_KEPT,
    .members = file_mount_members,
};

const struct rule schema_build[] = {
    {TEXT("context", "build#context")},
    {TEXT("dockerfile", "build#dockerfile")},
    {TEXT("dockerfile_inline", "build#dockerfile_inline")},
    {TEXTS("entitlements", "build#entitlements")},
    {DICT("args", FORM_ENV, "build#args"), .unique = UNIQUE_KEY},
    {.key = "provenance",
     .accepts = A_STRING | A_BOOL,
     .expand = EXPAND_TEXT,
     .form = FORM_STRING,
     .section = "build#provenance"},
    {.key = "sbom", .accepts = A_STRING | A_BOOL, .expand = EXPAND_TEXT, .form = FORM_STRING, .section = "build#sbom"},
    {.key = "ssh",
     .accepts = A_LIST | A_MAP,
     .members = schema_dict,
     .item = &schema_text,
     .expand = EXPAND_SSH,
     .form = FORM_SSH,
     .flags = R_UNIQUE,
     .section = "build#ssh"},
    {DICT("labels", FORM_LABELS, "build#labels"), .unique = UNIQUE_KEY},
    {TEXTS("cache_from", "build#cache_from")},
    {TEXTS("cache_to", "build#cache_to")},
    {BOOL("no_cache", "build#no_cache")},
    {DICT("additional_contexts", FORM_OPTIONS, "build#additional_contexts"), .unique = UNIQUE_KEY,
     .expand = EXPAND_KEY_VALUE},
    {BOOL("pull", "build#pull")},
    {HOSTS("extra_hosts", "build#extra_hosts")},
    {TEXT("isolation", "build#isolation")},
    {TEXT("network", "build#network")},
    {TEXT("target", "build#target")},
    {LIST("secrets", &schema_file_mount, "build#secrets")},
    {.key = "shm_size", .accepts = A_INT | A_STRING, .form = FORM_BYTES, .section = "build#shm_size"},
    {TEXTS("tags", "build#tags"), .unique = UNIQUE_KEY},
    {ULIMITS("ulimits", schema_ulimit, "build#ulimits")},
    {TEXTS("platforms", "build#platforms")},
    {BOOL("privileged", "build#privileged")},
    END_OF_TABLE,
};
