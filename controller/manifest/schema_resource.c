#include "controller/manifest/schema_tables.h"

#define FLAG(name, how, ref) .key = name, .accepts = A_BOOL | A_STRING, .cast = CAST_BOOL, .form = how, .section = ref

static const struct rule propagation[] = {
    {TEXT("selinux", "services#volumes"), .words = (const char *const[]){"z", "Z", NULL}},
    {TEXT("propagation", "services#volumes")},
    {BOOL("create_host_path", "services#volumes")},
    {TEXT("recursive", "services#volumes"),
     .words = (const char *const[]){"enabled", "disabled", "writable", "readonly", NULL}},
    END_OF_TABLE,
};
static const struct rule mount_volume[] = {
    {DICT("labels", FORM_OPTIONS, "services#volumes")},
    {FLAG("nocopy", FORM_BOOL, "services#volumes")},
    {TEXT("subpath", "services#volumes")},
    END_OF_TABLE,
};
static const struct rule mount_tmpfs[] = {
    {.key = "size",
     .accepts = A_INT | A_STRING,
     .form = FORM_BYTES,
     .min = 0,
     .max = INT32_MAX,
     .section = "services#volumes"},
    {.key = "mode", .accepts = A_NUMBER | A_STRING, .form = FORM_UINT, .section = "services#volumes"},
    END_OF_TABLE,
};
static const struct rule mount_image[] = {
    {TEXT("subpath", "services#volumes")},
    END_OF_TABLE,
};
static const char *const mount_types[] = {"bind", "volume", "tmpfs", "cluster", "npipe", "image", NULL};
static const struct rule mount_members[] = {
    {TEXT("type", "services#volumes"), .words = mount_types, .flags = R_REQUIRED},
    {TEXT("source", "services#volumes")},
    {TEXT("target", "services#volumes")},
    {FLAG("read_only", FORM_BOOL, "services#volumes")},
    {TEXT("consistency", "services#volumes")},
    {MAP("bind", propagation, FORM_MAP_KEPT, "services#volumes")},
    {MAP("volume", mount_volume, FORM_MAP_KEPT, "services#volumes")},
    {MAP("tmpfs", mount_tmpfs, FORM_MAP_KEPT, "services#volumes")},
    {MAP("image", mount_image, FORM_MAP_KEPT, "services#volumes")},
    END_OF_TABLE,
};
const struct rule schema_volume_mount = {.key = "*",
                                         .accepts = A_STRING | A_MAP,
                                         .members = mount_members,
                                         .expand = EXPAND_VOLUME,
                                         .form = FORM_MAP_KEPT,
                                         .section = "services#volumes"};

static const struct rule external_members[] = {
    {TEXT("name", "networks#external")},
    END_OF_TABLE,
};
#define EXTERNAL(ref)                                                                                                  \
  .key = "external", .accepts = A_BOOL | A_STRING | A_MAP, .cast = CAST_BOOL, .members = external_members,             \
  .form = FORM_EXTERNAL, .section = ref

static const struct rule text_entries[] = {
    {.key = "*", .accepts = A_STRING, .form = FORM_STRING},
    END_OF_TABLE,
};
static const struct rule pool_members[] = {
    {TEXT("subnet", "networks#ipam")},
    {TEXT("gateway", "networks#ipam")},
    {TEXT("ip_range", "networks#ipam")},
    {MAP("aux_addresses", text_entries, FORM_OPTIONS, "networks#ipam"), .flags = R_NO_EXTENSIONS},
    END_OF_TABLE,
};
static const struct rule pool = {MAP("*", pool_members, FORM_MAP_KEPT, "networks#ipam")};
static const struct rule ipam_members[] = {
    {TEXT("driver", "networks#ipam")},
    {LIST("config", &pool, "networks#ipam"), .merge = MERGE_IPAM},
    {MAP("options", text_entries, FORM_DROPPED, "networks#ipam"), .flags = R_NO_EXTENSIONS},
    END_OF_TABLE,
};

const struct rule schema_network[] = {
    {TEXT("name", "networks#name")},
    {TEXT("driver", "networks#driver")},
    {MAP("driver_opts", schema_options, FORM_OPTIONS, "networks#driver_opts")},
    {MAP("ipam", ipam_members, FORM_MAP_ALWAYS, "networks#ipam")},
    {EXTERNAL("networks#external")},
    {FLAG("internal", FORM_BOOL, "networks#internal")},
    {FLAG("attachable", FORM_BOOL, "networks#attachable")},
    {DICT("labels", FORM_LABELS, "networks#labels"), .unique = UNIQUE_KEY},
    {FLAG("enable_ipv4", FORM_BOOL_KEPT, "networks#enable_ipv4")},
    {FLAG("enable_ipv6", FORM_BOOL_KEPT, "networks#enable_ipv6")},
    END_OF_TABLE,
};

const struct rule schema_volume[] = {
    {TEXT("name", "volumes#name")},
    {TEXT("driver", "volumes#driver")},
    {MAP("driver_opts", schema_options, FORM_OPTIONS, "volumes#driver_opts")},
    {EXTERNAL("volumes#external")},
    {DICT("labels", FORM_LABELS, "volumes#labels")},
    END_OF_TABLE,
};

const struct rule schema_secret[] = {
    {TEXT("name", "secrets")},
    {TEXT("file", "secrets")},
    {TEXT("environment", "secrets")},
    {EXTERNAL("secrets"), .flags = R_OPEN},
    {DICT("labels", FORM_LABELS, "secrets"), .merge = MERGE_DEFAULT},
    {TEXT("driver", "secrets")},
    {MAP("driver_opts", schema_options, FORM_OPTIONS, "secrets")},
    {TEXT("template_driver", "secrets")},
    END_OF_TABLE,
};

const struct rule schema_config[] = {
    {TEXT("name", "configs")},
    {TEXT("file", "configs")},
    {TEXT("environment", "configs")},
    {TEXT("content", "configs")},
    {EXTERNAL("configs"), .flags = R_OPEN},
    {DICT("labels", FORM_LABELS, "configs"), .merge = MERGE_DEFAULT},
    {TEXT("template_driver", "configs")},
    END_OF_TABLE,
};

const struct rule schema_model[] = {
    {TEXT("name", "models")},
    {TEXT("model", "models"), .flags = R_REQUIRED},
    {.key = "context_size", .accepts = A_INT, .form = FORM_INT, .section = "models"},
    {TEXTS("runtime_flags", "models")},
    END_OF_TABLE,
};

#define RESOURCES(name, more, of)                                                                                      \
  static const struct rule name[] = {                                                                                  \
      {.key = "*", .accepts = A_MAP | (more), .members = of, .form = FORM_MAP_KEPT, .expand = EXPAND_EXTERNAL},        \
      END_OF_TABLE,                                                                                                    \
  }
RESOURCES(networks, A_NULL, schema_network);
RESOURCES(volumes, A_NULL, schema_volume);
RESOURCES(secrets, 0, schema_secret);
RESOURCES(configs, 0, schema_config);
static const struct rule models[] = {
    {MAP("*", schema_model, FORM_MAP_KEPT, "models")},
    END_OF_TABLE,
};
static const struct rule services[] = {
    {MAP("*", schema_service_members, FORM_MAP_KEPT, "services")},
    END_OF_TABLE,
};

static const struct rule include_members[] = {
    {TEXT_OR_LIST("path", "include")},
    {TEXT_OR_LIST("env_file", "include")},
    {TEXT("project_directory", "include")},
    END_OF_TABLE,
};
static const struct rule include = {.key = "*",
                                    .accepts = A_STRING | A_MAP,
                                    .members = include_members,
                                    .flags = R_NO_EXTENSIONS,
                                    .section = "include"};

static const struct rule root_members[] = {
    {TEXT("name", "version-and-name")},
    {.key = "version", .accepts = A_STRING, .form = FORM_DROPPED, .section = "version-and-name"},
    {.key = "include", .accepts = A_LIST, .item = &include, .form = FORM_DROPPED, .section = "include"},
    {MAP("configs", configs, FORM_ENTRIES, "configs"), .flags = R_ENTRY_NAMES},
    {MAP("models", models, FORM_ENTRIES, "models")},
    {MAP("networks", networks, FORM_ENTRIES, "networks")},
    {MAP("secrets", secrets, FORM_ENTRIES, "secrets"), .flags = R_ENTRY_NAMES},
    {MAP("services", services, FORM_ENTRIES, "services"), .flags = R_ENTRY_NAMES},
    {MAP("volumes", volumes, FORM_ENTRIES, "volumes"), .flags = R_ENTRY_NAMES},
    END_OF_TABLE,
};

const struct rule schema_root = {.key = "", .accepts = A_MAP, .members = root_members, .form = FORM_MAP_KEPT};
