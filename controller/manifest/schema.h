/* The Compose Specification as one table: for every place in a file what may stand there, how two files' values
 * merge, which short forms there are, and which form the resolved document has. Adding a key is adding a row.
 * Members stand in the order in which docker compose prints them. */
#ifndef TANDEM_MANIFEST_SCHEMA_H
#define TANDEM_MANIFEST_SCHEMA_H

#include "controller/manifest/node.h"

/* What may be written. */
enum {
  A_STRING = 1,
  A_BOOL = 2,
  A_INT = 4,
  A_NUMBER = 8 | A_INT,
  A_NULL = 16,
  A_LIST = 32,
  A_MAP = 64,
  A_ANY = 127,
};

/* How text is cast right after interpolation. */
enum cast { CAST_NONE, CAST_BOOL, CAST_INT, CAST_FLOAT };

/* How a later file's value joins an earlier one's. */
enum merge {
  MERGE_DEFAULT,  /* maps by key, lists one after the other, else the later one */
  MERGE_REPLACE,  /* always the later one */
  MERGE_SEQUENCE, /* both as lists of "K=V" */
  MERGE_HOSTS,    /* as lists, repeated entries once */
  MERGE_NAMES,    /* lists of names become maps to null */
  MERGE_DEPENDS,  /* the same, to the default condition */
  MERGE_BUILD,    /* text is the context */
  MERGE_LOGGING,  /* by key if the driver is the same */
  MERGE_IPAM,     /* pools by subnet */
};

/* Which items of a list are the same: the later one then takes the earlier one's place. */
enum unique {
  UNIQUE_NONE,
  UNIQUE_KEY, /* up to "=" */
  UNIQUE_TEXT,
  UNIQUE_VOLUME,
  UNIQUE_DEVICE,
  UNIQUE_CONFIG,
  UNIQUE_SECRET,
  UNIQUE_PORT,
  UNIQUE_ENV_FILE,
};

/* How a short form becomes the long one. */
enum expand {
  EXPAND_NONE,
  EXPAND_BUILD,
  EXPAND_DEPENDS,
  EXPAND_ENV_FILE,
  EXPAND_LIST, /* text to a list of it */
  EXPAND_GPUS,
  EXPAND_NAMES, /* list of names to a map of nulls */
  EXPAND_KEY_VALUE,
  EXPAND_VOLUME,
  EXPAND_DEVICE,
  EXPAND_FILE_MOUNT,
  EXPAND_PORTS,
  EXPAND_SSH,
  EXPAND_ULIMIT,
  EXPAND_EXTERNAL,
  EXPAND_TEXT, /* anything to text */
  EXPAND_INCLUDE,
};

/* The resolved value. Empty ones are left out unless a name ends in _KEPT. */
enum form {
  FORM_DROPPED, /* read and not printed */
  FORM_STRING,
  FORM_BOOL,
  FORM_BOOL_KEPT,
  FORM_INT,
  FORM_INT_KEPT,
  FORM_UINT,
  FORM_UINT_KEPT,
  FORM_FLOAT, /* 32 bits, as Go prints it */
  FORM_CPUS,
  FORM_BYTES,
  FORM_DURATION,
  FORM_DURATION_KEPT,
  FORM_COMMAND_KEPT,
  FORM_HEALTH_TEST,
  FORM_STRINGS,
  FORM_STRINGS_OR_NUMBERS,
  FORM_LABELS, /* null is "" */
  FORM_ENV,    /* null stays */
  FORM_OPTIONS,
  FORM_MULTI_OPTIONS,
  FORM_HOSTS,
  FORM_FILE_MODE_KEPT,
  FORM_COUNT,
  FORM_SSH,
  FORM_ULIMIT,
  FORM_EXTERNAL,
  FORM_MAP_KEPT,   /* of the members */
  FORM_MAP,        /* of the members, left out when nothing was written */
  FORM_MAP_ALWAYS, /* of the members, also when nothing was written */
  FORM_LIST,       /* of items */
  FORM_ENTRIES,    /* a map of any names; null entries stay null */
  FORM_AS_WRITTEN,
};

enum {
  R_UNIQUE = 1,
  R_REQUIRED = 2,
  R_OPEN = 4,
  R_NO_EXTENSIONS = 8,
  R_ENTRY_NAMES = 16,
  R_PRINT_EMPTY = 32,
  R_CAPITALS = 64
};

struct rule {
  const char *key; /* "*": any name; NULL ends a table */
  uint8_t accepts;
  uint8_t cast;
  uint8_t merge;
  uint8_t unique;
  uint8_t expand;
  uint8_t form;
  uint8_t flags;
  int32_t min, max; /* of a whole number, if different */
  const struct rule *members;
  const struct rule *item;
  const char *const *words;          /* the only texts allowed, ends with NULL */
  bool (*pattern)(const char *text); /* whether a text is allowed */
  const char *section;               /* of the Compose Specification */
};

extern const struct rule schema_root;
extern const struct rule schema_service;

/* The rule of a map's member; NULL for x- keys and unknown ones. */
const struct rule *rule_member(const struct rule *rule, const char *key);
const struct rule *rule_item(const struct rule *rule);

/* Refuses what the table does not allow, with the position and, for an unknown key, the nearest known one. */
int schema_check(const struct node *n, const struct rule *rule, struct err *err);

#endif
