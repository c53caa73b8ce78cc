#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "controller/manifest/form.h"
#include "controller/manifest/shellwords.h"
#include "controller/manifest/units.h"

static int append_text(struct node *list, const char *text, struct position pos, struct err *err) {
  return node_append(list, node_string(text, pos)) < 0 ? err_no_memory(err) : 0;
}

static int append_words(struct node *list, const struct node *in, struct err *err) {
  CLEANUP_STRV struct strv words = STRV_INIT;
  if (shellwords_split(in->text, &words, err) < 0)
    return err_wrap(err, "%s:%d:%d", in->pos.file, in->pos.line, in->pos.column);
  for (size_t i = 0; i < words.count; i++)
    if (append_text(list, words.items[i], in->pos, err) < 0)
      return -1;
  return 0;
}

static int append_scalars(struct node *list, const struct node *in, struct err *err) {
  for (size_t i = 0; i < in->count; i++) {
    CLEANUP_FREE char *text = scalar_text(in->items[i]);
    if (!text || append_text(list, text, in->items[i]->pos, err) < 0)
      return err_no_memory(err);
  }
  return 0;
}

int form_texts(const struct node *in, const struct rule *rule, struct node **ret, struct err *err) {
  bool command = rule->form == FORM_COMMAND_KEPT;
  struct position pos = in ? in->pos : (struct position){0};
  if (!in || in->kind == NODE_NULL) {
    *ret = command ? node_new(NODE_NULL, pos) : NULL;
    return command && !*ret ? err_no_memory(err) : 0;
  }
  struct node *list = node_new(NODE_LIST, pos);
  int failed = list ? 0 : err_no_memory(err);
  if (!failed && in->kind == NODE_LIST)
    failed = append_scalars(list, in, err);
  else if (!failed && command)
    failed = append_words(list, in, err);
  else if (!failed && rule->form == FORM_HEALTH_TEST)
    failed = append_text(list, "CMD-SHELL", pos, err) < 0 ? -1 : append_text(list, in->text, pos, err);
  else if (!failed)
    failed = append_text(list, node_text(in, ""), pos, err);
  if (!failed && (list->count > 0 || command)) {
    *ret = list;
    return 0;
  }
  node_free(list);
  return failed;
}

/* value NULL: a key alone. */
static int put_entry(struct node *map, const char *key, struct position pos, const struct node *value, bool keep_null,
                     struct err *err) {
  struct node *entry = NULL;
  if ((!value || value->kind == NODE_NULL) && keep_null) {
    entry = node_new(NODE_NULL, pos);
  } else {
    CLEANUP_FREE char *text = value && value->kind != NODE_NULL ? scalar_text(value) : strdup("");
    entry = text ? node_string(text, value ? value->pos : pos) : NULL;
  }
  return node_put(map, key, pos, entry) < 0 ? err_no_memory(err) : 0;
}

static int put_line(struct node *map, const struct node *line, const struct rule *rule, struct err *err) {
  CLEANUP_FREE char *text = scalar_text(line);
  char *equals = text ? strchr(text, '=') : NULL;
  if (!text)
    return err_no_memory(err);
  if (!equals)
    return put_entry(map, text, line->pos, NULL, rule->form == FORM_ENV, err);
  if (rule->form == FORM_ENV && equals > text && isspace((unsigned char)equals[-1]))
    return node_error(err, line, "\"%.*s\" ends in a space, expected NAME=VALUE", (int)(equals - text), text);
  *equals = '\0';
  return node_put(map, text, line->pos, node_string(equals + 1, line->pos)) < 0 ? err_no_memory(err) : 0;
}

static int form_flat(const struct node *in, const struct rule *rule, struct node *map, struct err *err) {
  for (size_t i = 0; in->kind == NODE_LIST && i < in->count; i++)
    if (put_line(map, in->items[i], rule, err) < 0)
      return -1;
  for (size_t i = 0; in->kind == NODE_MAP && i < in->count; i++) {
    const struct node_pair *pair = &in->pairs[i];
    if (put_entry(map, pair->key, pair->key_pos, pair->value, rule->form == FORM_ENV, err) < 0)
      return -1;
  }
  return 0;
}

static int form_multi(const struct node *in, struct node *map, struct err *err) {
  for (size_t i = 0; in->kind == NODE_MAP && i < in->count; i++) {
    const struct node_pair *pair = &in->pairs[i];
    struct node *list = node_new(NODE_LIST, pair->value->pos);
    if (node_put(map, pair->key, pair->key_pos, list) < 0)
      return err_no_memory(err);
    CLEANUP_FREE char *text = pair->value->kind == NODE_LIST ? strdup("") : scalar_text(pair->value);
    if (!text)
      return err_no_memory(err);
    if ((pair->value->kind == NODE_LIST ? append_scalars(list, pair->value, err)
                                        : append_text(list, text, pair->value->pos, err)) < 0)
      return -1;
  }
  return 0;
}

/* host: of host_len bytes. [::1] loses its brackets. */
static int append_host(struct node *list, const struct node *at, const char *host, size_t host_len, const char *ip,
                       size_t ip_len, struct err *err) {
  if (host_len == 0 || memchr(host, ':', host_len) || memchr(host, '=', host_len))
    return node_error(err, at, "\"%.*s\" is no host name", (int)host_len, host);
  if (ip_len > 2 && ip[0] == '[' && ip[ip_len - 1] == ']') {
    ip++;
    ip_len -= 2;
  }
  char *line = NULL;
  if (asprintf(&line, "%.*s=%.*s", (int)host_len, host, (int)ip_len, ip) < 0)
    return err_no_memory(err);
  int failed = append_text(list, line, at->pos, err);
  free(line);
  return failed;
}

static int append_host_line(struct node *list, const struct node *line, struct err *err) {
  const char *text = node_text(line, "");
  const char *mark = strchr(text, '=') ? strchr(text, '=') : strchr(text, ':');
  if (!mark)
    return node_error(err, line, "\"%s\" has no address, expected HOST=IP", text);
  for (const char *ip = mark + 1;;) {
    size_t len = strcspn(ip, ",");
    if (append_host(list, line, text, (size_t)(mark - text), ip, len, err) < 0)
      return -1;
    if (!ip[len])
      return 0;
    ip += len + 1;
  }
}

static int append_host_entry(struct node *list, const struct node_pair *pair, struct err *err) {
  const struct node *v = pair->value;
  size_t len = strlen(pair->key);
  if (v->kind != NODE_LIST)
    return append_host(list, v, pair->key, len, node_text(v, ""), strlen(node_text(v, "")), err);
  for (size_t i = 0; i < v->count; i++) {
    const char *ip = node_text(v->items[i], "");
    if (append_host(list, v->items[i], pair->key, len, ip, strlen(ip), err) < 0)
      return -1;
  }
  return 0;
}

static int by_text(const void *a, const void *b) {
  const struct node *const *x = a;
  const struct node *const *y = b;
  return strcmp((*x)->text, (*y)->text);
}

static int form_hosts(const struct node *in, struct node *list, struct err *err) {
  for (size_t i = 0; i < in->count; i++)
    if ((in->kind == NODE_LIST ? append_host_line(list, in->items[i], err)
                               : append_host_entry(list, &in->pairs[i], err)) < 0)
      return -1;
  if (list->count > 1)
    qsort(list->items, list->count, sizeof(struct node *), by_text);
  return 0;
}

static int form_ssh(const struct node *in, struct node *list, struct err *err) {
  for (size_t i = 0; in->kind == NODE_MAP && i < in->count; i++) {
    const struct node_pair *pair = &in->pairs[i];
    const char *path = node_text(pair->value, "");
    char *line = NULL;
    if (asprintf(&line, "%s%s%s", pair->key, *path ? "=" : "", path) < 0)
      return err_no_memory(err);
    int failed = append_text(list, line, pair->key_pos, err);
    free(line);
    if (failed)
      return -1;
  }
  return 0;
}

int form_mapping(const struct node *in, const struct rule *rule, struct node **ret, struct err *err) {
  if (!in || in->kind == NODE_NULL)
    return 0;
  bool as_list = rule->form == FORM_HOSTS || rule->form == FORM_SSH;
  struct node *out = node_new(as_list ? NODE_LIST : NODE_MAP, in->pos);
  int failed = 0;
  if (!out)
    failed = err_no_memory(err);
  else if (rule->form == FORM_HOSTS)
    failed = form_hosts(in, out, err);
  else if (rule->form == FORM_SSH)
    failed = form_ssh(in, out, err);
  else if (rule->form == FORM_MULTI_OPTIONS)
    failed = form_multi(in, out, err);
  else
    failed = form_flat(in, rule, out, err);
  if (failed || out->count == 0) {
    node_free(out);
    return failed;
  }
  if (!as_list)
    form_sort(out);
  *ret = out;
  return 0;
}
