/* `config` in its forms, and the lines that errors point to. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/base/buf.h"
#include "controller/manifest/fleet_private.h"
#include "controller/manifest/print.h"

static int by_key(const void *a, const void *b) {
  return strcmp(((const struct node_pair *)a)->key, ((const struct node_pair *)b)->key);
}

/* Extensions are sorted, which the rest of the document is already. */
static void sort_maps(struct node *n) {
  if (n->kind == NODE_MAP && n->count)
    qsort(n->pairs, n->count, sizeof(*n->pairs), by_key);
  for (size_t i = 0; i < n->count; i++)
    sort_maps(n->kind == NODE_MAP ? n->pairs[i].value : n->items[i]);
}

/* A copy of the document in the order that is printed. NULL without memory. */
static struct node *printed(const struct fleet *fleet) {
  struct node *root = node_copy(fleet->source->root);
  for (size_t i = 0; root && i < root->count; i++)
    if (strncmp(root->pairs[i].key, "x-", 2) == 0)
      sort_maps(root->pairs[i].value);
  return root;
}

/* docker compose has no JSON for an SSH key with a path, so config --format json fails on it there, and only there. */
static int check_ssh(const struct node *services, struct err *err) {
  for (size_t i = 0; services && i < services->count; i++) {
    const struct node *ssh = node_at(services->pairs[i].value, "build.ssh");
    for (size_t k = 0; ssh && ssh->kind == NODE_LIST && k < ssh->count; k++)
      if (strchr(node_text(ssh->items[k], ""), '='))
        return node_error(err, ssh->items[k], "an SSH key with a path has no form in JSON, expected --format yaml");
  }
  return 0;
}

int fleet_config_json(const struct fleet *fleet, char **ret_text, struct err *err) {
  const struct print_json form = {.indent = true, .dollars = true};
  CLEANUP_BUF struct buf out = BUF_INIT(0);
  if (check_ssh(node_get(fleet->source->root, "services"), err) < 0)
    return -1;
  struct node *root = printed(fleet);
  if (!root)
    return err_no_memory(err);
  int rc = print_json(root, &form, &out, err);
  node_free(root);
  char *text = rc == 0 ? buf_steal(&out) : NULL;
  if (!text)
    return rc < 0 ? -1 : err_no_memory(err);
  *ret_text = text;
  return 0;
}

/* What YAML leaves out although JSON shows it: command and entrypoint without a value, empty maps of these names. */
static void drop_unset(struct node *service) {
  static const char *const names[] = {"command", "entrypoint"};
  static const char *const maps[] = {"resources", "placement"};
  struct node *deploy = node_get(service, "deploy");
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    const struct node *n = node_get(service, names[i]);
    if (n && n->kind == NODE_NULL)
      node_drop(service, names[i]);
  }
  for (size_t i = 0; i < COUNT_OF(maps); i++) {
    const struct node *n = node_get(deploy, maps[i]);
    if (n && n->kind == NODE_MAP && n->count == 0)
      node_drop(deploy, maps[i]);
  }
}

/* JSON says Path and Rate of these, YAML path and rate. */
static void lower_rates(struct node *blkio) {
  for (size_t i = 0; blkio && blkio->kind == NODE_MAP && i < blkio->count; i++) {
    const struct node *list = blkio->pairs[i].value;
    for (size_t k = 0; list->kind == NODE_LIST && k < list->count; k++)
      for (size_t m = 0; list->items[k]->kind == NODE_MAP && m < list->items[k]->count; m++)
        *list->items[k]->pairs[m].key |= 0x20;
  }
}

static int print_section(const struct node *root, const char *name, struct buf *out, struct err *err) {
  struct node *section = node_get(root, name);
  if (!section)
    return 0;
  struct node_pair pair = *node_pair(root, name);
  const struct node part = {.kind = NODE_MAP, .pairs = &pair, .count = 1};
  return print_yaml(&part, 0, out, err);
}

/* name, services, networks, volumes, secrets, configs; then what else there is, the x- keys. */
static int print_sections(const struct node *root, struct buf *out, struct err *err) {
  static const char *const order[] = {"name", "services", "networks", "volumes", "secrets", "configs"};
  for (size_t i = 0; i < COUNT_OF(order); i++)
    if (print_section(root, order[i], out, err) < 0)
      return -1;
  for (size_t i = 0; i < root->count; i++) {
    bool done = false;
    for (size_t k = 0; k < COUNT_OF(order); k++)
      done = done || strcmp(root->pairs[i].key, order[k]) == 0;
    if (!done && print_section(root, root->pairs[i].key, out, err) < 0)
      return -1;
  }
  return 0;
}

int fleet_config_yaml(const struct fleet *fleet, char **ret_text, struct err *err) {
  CLEANUP_BUF struct buf out = BUF_INIT(0);
  struct node *root = printed(fleet);
  if (!root)
    return err_no_memory(err);
  struct node *services = node_get(root, "services"), *networks = node_get(root, "networks");
  for (size_t i = 0; services && i < services->count; i++) {
    drop_unset(services->pairs[i].value);
    lower_rates(node_get(services->pairs[i].value, "blkio_config"));
  }
  for (size_t i = 0; networks && i < networks->count; i++) {
    const struct node *ipam = node_get(networks->pairs[i].value, "ipam");
    if (ipam && ipam->count == 0)
      node_drop(networks->pairs[i].value, "ipam");
  }
  int rc = print_sections(root, &out, err);
  node_free(root);
  char *text = rc == 0 ? buf_steal(&out) : NULL;
  if (!text)
    return rc < 0 ? -1 : err_no_memory(err);
  *ret_text = text;
  return 0;
}

/* Tabs stay tabs before the caret, so that it stands under its column at any tab width. */
static int excerpt(const char *line, size_t len, int column, char **ret_text) {
  CLEANUP_BUF struct buf out = BUF_INIT(0);
  size_t at = column > 0 ? (size_t)column - 1 : 0, i = 0;
  if (buf_append(&out, line, len, NULL) < 0 || buf_puts(&out, "\n", NULL) < 0)
    return -1;
  for (size_t c = 0; i < len && c < at; i++) {
    c += (line[i] & 0xc0) != 0x80;
    if ((line[i] & 0xc0) != 0x80 && buf_puts(&out, line[i] == '\t' ? "\t" : " ", NULL) < 0)
      return -1;
  }
  if (buf_puts(&out, "^\n", NULL) < 0)
    return -1;
  char *text = buf_steal(&out);
  if (!text)
    return -1;
  *ret_text = text;
  return 0;
}

int manifest_excerpt(const char *file, int line, int column, char **ret_text) {
  CLEANUP_FREE char *text = NULL;
  size_t cap = 0;
  ssize_t len = -1;
  FILE *f = fopen(file, "re");
  if (!f)
    return -1;
  for (int i = 0; i < line; i++)
    if ((len = getline(&text, &cap, f)) < 0)
      break;
  fclose(f);
  if (len < 0)
    return -1;
  while (len > 0 && strchr("\r\n", text[len - 1]))
    len--;
  return excerpt(text, (size_t)len, column, ret_text);
}
