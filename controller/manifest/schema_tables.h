/* What the parts of the schema's table share. Only schema*.c include this. */
#ifndef TANDEM_MANIFEST_SCHEMA_TABLES_H
#define TANDEM_MANIFEST_SCHEMA_TABLES_H

#include "controller/manifest/schema.h"

extern const struct rule schema_build[];
extern const struct rule schema_deploy[];
extern const struct rule schema_develop[];
extern const struct rule schema_healthcheck[];
extern const struct rule schema_hook;
extern const struct rule schema_device_request;
extern const struct rule schema_volume_mount;
extern const struct rule schema_file_mount;
extern const struct rule schema_hosts_entry[];
extern const struct rule schema_dict[];
extern const struct rule schema_ulimit[];
extern const struct rule schema_service_ulimit[];
extern const struct rule schema_text;
extern const struct rule schema_service_members[];
extern const struct rule schema_network[];
extern const struct rule schema_volume[];
extern const struct rule schema_secret[];
extern const struct rule schema_config[];
extern const struct rule schema_model[];
extern const struct rule schema_options[];

#define TEXT(name, ref) .key = name, .accepts = A_STRING, .form = FORM_STRING, .section = ref
#define BOOL(name, ref) .key = name, .accepts = A_BOOL | A_STRING, .form = FORM_BOOL, .section = ref
#define BYTES(name, ref) .key = name, .accepts = A_NUMBER | A_STRING, .form = FORM_BYTES, .section = ref
#define DURATION(name, ref) .key = name, .accepts = A_STRING, .form = FORM_DURATION_KEPT, .section = ref
#define TEXTS(name, ref) .key = name, .accepts = A_LIST, .form = FORM_STRINGS, .item = &schema_text, .section = ref
#define TEXT_OR_LIST(name, ref)                                                                                        \
  .key = name, .accepts = A_LIST | A_STRING, .form = FORM_STRINGS, .item = &schema_text, .flags = R_UNIQUE,            \
  .section = ref
#define DICT(name, how, ref)                                                                                           \
  .key = name, .accepts = A_LIST | A_MAP, .form = how, .members = schema_dict, .item = &schema_text,                   \
  .merge = MERGE_SEQUENCE, .flags = R_UNIQUE, .section = ref
#define MAP(name, of, how, ref) .key = name, .accepts = A_MAP, .members = of, .form = how, .section = ref
#define LIST(name, of, ref) .key = name, .accepts = A_LIST, .item = of, .form = FORM_LIST, .section = ref
#define HOSTS(name, ref)                                                                                               \
  .key = name, .accepts = A_LIST | A_MAP, .form = FORM_HOSTS, .members = schema_hosts_entry, .item = &schema_text,     \
  .merge = MERGE_HOSTS, .flags = R_UNIQUE, .section = ref
#define ULIMITS(name, of, ref) .key = name, .accepts = A_MAP, .members = of, .form = FORM_ENTRIES, .section = ref
#define END_OF_TABLE                                                                                                   \
  { .key = NULL }

#endif
