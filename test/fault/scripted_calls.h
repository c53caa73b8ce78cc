/* What the scripted engine remembers, and how each call changes it: containers, images, networks and volumes as
 * documents. A container whose environment has FAIL=1 ends as soon as it is started. */
#ifndef TANDEM_TEST_FAULT_SCRIPTED_CALLS_H
#define TANDEM_TEST_FAULT_SCRIPTED_CALLS_H

#include <ctype.h>

#include "api/base/json.h"
#include "test/engine/fake_engine.h"

enum { SCRIPTED_PATH = 4096, SCRIPTED_BODY = 4 << 20 };

struct scripted_engine {
  int listener;
  char socket[80];
  pid_t pid;
  pthread_mutex_t mutex;
  cJSON *now, *kept; /* {"containers": [inspect…], "images": […], "networks": […], "volumes": […]} */
  int next_id;
};

struct scripted_call {
  struct scripted_engine *engine;
  int fd;
  char method[8];
  char path[SCRIPTED_PATH]; /* below the version, without the query */
  char query[SCRIPTED_PATH * 2];
  cJSON *body;
};

/* --- documents --------------------------------------------------------------------------------------------------- */

static inline cJSON *scripted_list(struct scripted_engine *e, const char *name) {
  return cJSON_GetObjectItemCaseSensitive(e->now, name);
}

static inline cJSON *scripted_find(cJSON *list, const char *name) {
  cJSON *item;
  cJSON_ArrayForEach(item, list) {
    const char *own = json_str(item, "Name", "");
    if (strcmp(json_str(item, "Id", ""), name) == 0 || strcmp(own + (*own == '/'), name) == 0)
      return item;
  }
  return NULL;
}

static inline cJSON *scripted_image(struct scripted_engine *e, const char *ref) {
  cJSON *image, *tag;
  cJSON_ArrayForEach(image, scripted_list(e, "images")) {
    if (strcmp(json_str(image, "Id", ""), ref) == 0)
      return image;
    cJSON_ArrayForEach(tag, json_get(image, "RepoTags")) {
      size_t len = strlen(ref);
      if (strncmp(tag->valuestring, ref, len) == 0 &&
          (!tag->valuestring[len] || strcmp(tag->valuestring + len, ":latest") == 0))
        return image;
    }
  }
  return NULL;
}

static inline void scripted_new_id(struct scripted_engine *e, char ret_id[65]) {
  snprintf(ret_id, 65, "%064x", 0xabc000 + e->next_id++);
}

static inline void scripted_untag(struct scripted_engine *e, const char *tag) {
  cJSON *image;
  cJSON_ArrayForEach(image, scripted_list(e, "images")) {
    cJSON *tags = cJSON_GetObjectItemCaseSensitive(image, "RepoTags");
    for (int i = cJSON_GetArraySize(tags) - 1; i >= 0; i--)
      if (strcmp(cJSON_GetArrayItem(tags, i)->valuestring, tag) == 0)
        cJSON_DeleteItemFromArray(tags, i);
  }
}

static inline void scripted_tag(struct scripted_engine *e, cJSON *image, const char *tag) {
  scripted_untag(e, tag);
  cJSON_AddItemToArray(cJSON_GetObjectItemCaseSensitive(image, "RepoTags"), cJSON_CreateString(tag));
}

static inline cJSON *scripted_new_image(struct scripted_engine *e, const char *tag, const cJSON *labels) {
  cJSON *image = cJSON_CreateObject();
  char id[65], full[80];
  scripted_new_id(e, id);
  snprintf(full, sizeof(full), "sha256:%s", id);
  json_put_str(image, "Id", full);
  json_put(image, "RepoTags", cJSON_CreateArray());
  json_put(image, "Labels", labels ? cJSON_Duplicate(labels, true) : cJSON_CreateObject());
  cJSON *config = cJSON_CreateObject();
  json_put(config, "Labels", cJSON_Duplicate(json_get(image, "Labels"), true));
  json_put(image, "Config", config);
  cJSON_AddItemToArray(scripted_list(e, "images"), image);
  scripted_tag(e, image, tag);
  return image;
}

static inline void scripted_set_state(cJSON *c, const char *status, bool running, int code) {
  cJSON *state = cJSON_CreateObject();
  json_put_str(state, "Status", status);
  json_put_bool(state, "Running", running);
  json_put_int(state, "ExitCode", code);
  json_put_str(state, "StartedAt", strcmp(status, "created") == 0 ? "0001-01-01T00:00:00Z" : "2026-01-01T00:00:00Z");
  json_put(c, "State", state);
}

static inline bool scripted_is_running(const cJSON *c) {
  return json_bool(json_get(c, "State"), "Running", false);
}

/* --- the line ---------------------------------------------------------------------------------------------------- */

static inline void scripted_json(const struct scripted_call *c, int status, const cJSON *json) {
  CLEANUP_FREE char *text = json_text(json);
  fake_reply(c->fd, status, "application/json", text);
}

static inline void scripted_say(const struct scripted_call *c, int status, const char *name, const char *value) {
  CLEANUP_JSON cJSON *json = cJSON_CreateObject();
  json_put_str(json, name, value);
  scripted_json(c, status, json);
}

/* 204 has no body. */
static inline void scripted_nothing(const struct scripted_call *c, int status) {
  char head[64];
  snprintf(head, sizeof(head), "HTTP/1.1 %d X\r\n%s\r\n", status,
           status == 204 || status == 304 ? "" : "Content-Length: 0\r\n");
  fake_say(c->fd, head);
}

static inline void scripted_missing(const struct scripted_call *c) {
  scripted_say(c, 404, "message", "No such object");
}

static inline int scripted_hex(char c) {
  return isdigit((unsigned char)c) ? c - '0' : (tolower((unsigned char)c) - 'a') + 10;
}

static inline void scripted_decode(const char *text, size_t len, char *out, size_t size) {
  size_t n = 0;
  for (size_t i = 0; i < len && n + 1 < size; i++)
    if (text[i] == '%' && i + 2 < len) {
      out[n++] = (char)(scripted_hex(text[i + 1]) * 16 + scripted_hex(text[i + 2]));
      i += 2;
    } else {
      out[n++] = text[i];
    }
  out[n] = '\0';
}

/* The parameter's value, or "". */
static inline void scripted_param(const struct scripted_call *c, const char *name, char *out, size_t size) {
  size_t len = strlen(name);
  out[0] = '\0';
  for (const char *p = c->query; p && *p; p = strchr(p, '&') ? strchr(p, '&') + 1 : NULL)
    if (strncmp(p, name, len) == 0 && p[len] == '=') {
      scripted_decode(p + len + 1, strcspn(p + len + 1, "&"), out, size);
      return;
    }
}

/* "/containers/NAME/rest": NAME and rest; false when the path is another. */
static inline bool scripted_parts(const struct scripted_call *c, const char *folder, char *name, size_t size,
                                  const char **ret_rest) {
  size_t len = strlen(folder);
  if (strncmp(c->path, folder, len) != 0)
    return false;
  const char *start = c->path + len, *slash = strchr(start, '/');
  scripted_decode(start, slash ? (size_t)(slash - start) : strlen(start), name, size);
  *ret_rest = slash ? slash : "";
  return true;
}

/* --- containers -------------------------------------------------------------------------------------------------- */

static inline void scripted_create(struct scripted_call *c) {
  struct scripted_engine *e = c->engine;
  char name[300], path[310], id[65];
  scripted_param(c, "name", name, sizeof(name));
  if (scripted_find(scripted_list(e, "containers"), name)) {
    scripted_say(c, 409, "message", "the name is in use");
    return;
  }
  cJSON *image = scripted_image(e, json_str(c->body, "Image", ""));
  if (!image) {
    scripted_missing(c);
    return;
  }
  cJSON *doc = cJSON_CreateObject(), *config = cJSON_Duplicate(c->body, true), *settings = cJSON_CreateObject();
  cJSON *host = cJSON_DetachItemFromObjectCaseSensitive(config, "HostConfig");
  cJSON *networking = cJSON_DetachItemFromObjectCaseSensitive(config, "NetworkingConfig");
  cJSON *networks = cJSON_DetachItemFromObjectCaseSensitive(networking, "EndpointsConfig");
  scripted_new_id(e, id);
  snprintf(path, sizeof(path), "/%s", name);
  json_put_str(doc, "Id", id);
  json_put_str(doc, "Name", path);
  json_put_str(doc, "Image", json_str(image, "Id", ""));
  json_put_int(doc, "RestartCount", 0);
  json_put(doc, "Config", config);
  json_put(doc, "HostConfig", host ? host : cJSON_CreateObject());
  json_put(settings, "Networks", networks ? networks : cJSON_CreateObject());
  json_put(doc, "NetworkSettings", settings);
  scripted_set_state(doc, "created", false, 0);
  cJSON_Delete(networking);
  cJSON_AddItemToArray(scripted_list(e, "containers"), doc);
  scripted_say(c, 201, "Id", id);
}

static inline bool scripted_is_failing(const cJSON *container) {
  const cJSON *item;
  cJSON_ArrayForEach(item, json_at(container, "Config.Env")) if (strcmp(item->valuestring, "FAIL=1") == 0) return true;
  return false;
}

static inline void scripted_start(struct scripted_call *c, cJSON *container) {
  bool running = scripted_is_running(container), fails = scripted_is_failing(container);
  if (!running)
    scripted_set_state(container, fails ? "exited" : "running", !fails, fails ? 7 : 0);
  scripted_nothing(c, running ? 304 : 204);
}

static inline void scripted_stop(struct scripted_call *c, cJSON *container) {
  bool running = scripted_is_running(container);
  if (running)
    scripted_set_state(container, "exited", false, 0);
  scripted_nothing(c, running ? 204 : 304);
}

static inline void scripted_rename(struct scripted_call *c, cJSON *container) {
  char name[300], path[310];
  scripted_param(c, "name", name, sizeof(name));
  if (scripted_find(scripted_list(c->engine, "containers"), name)) {
    scripted_say(c, 409, "message", "the name is in use");
    return;
  }
  snprintf(path, sizeof(path), "/%s", name);
  json_put_str(container, "Name", path);
  scripted_nothing(c, 204);
}

static inline void scripted_update(struct scripted_call *c, cJSON *container) {
  cJSON *host = cJSON_GetObjectItemCaseSensitive(container, "HostConfig"), *item;
  cJSON_ArrayForEach(item, c->body) json_put(host, item->string, cJSON_Duplicate(item, true));
  fake_reply(c->fd, 200, "application/json", "{\"Warnings\":[]}");
}

static inline void scripted_remove(struct scripted_call *c, cJSON *container) {
  char force[8];
  scripted_param(c, "force", force, sizeof(force));
  if (scripted_is_running(container) && strcmp(force, "1") != 0) {
    scripted_say(c, 409, "message", "the container is running");
    return;
  }
  cJSON_Delete(cJSON_DetachItemViaPointer(scripted_list(c->engine, "containers"), container));
  scripted_nothing(c, 204);
}

static inline bool scripted_matches(const cJSON *container, const cJSON *filters) {
  const cJSON *f, *labels = json_at(container, "Config.Labels");
  cJSON_ArrayForEach(f, json_get(filters, "label")) {
    char name[300];
    const char *equals = strchr(f->valuestring, '=');
    snprintf(name, sizeof(name), "%.*s", (int)(equals ? equals - f->valuestring : 299), f->valuestring);
    const char *value = json_str(labels, name, NULL);
    if (!value || (equals && strcmp(value, equals + 1) != 0))
      return false;
  }
  cJSON_ArrayForEach(f, json_get(filters, "name")) {
    char wanted[310];
    snprintf(wanted, sizeof(wanted), "^%s$", json_str(container, "Name", ""));
    if (strcmp(wanted, f->valuestring) != 0)
      return false;
  }
  return true;
}

static inline void scripted_containers(struct scripted_call *c) {
  char text[2000];
  scripted_param(c, "filters", text, sizeof(text));
  CLEANUP_JSON cJSON *filters = cJSON_Parse(text), *list = cJSON_CreateArray();
  const cJSON *one;
  cJSON_ArrayForEach(one, scripted_list(c->engine, "containers")) {
    if (!scripted_matches(one, filters))
      continue;
    cJSON *item = cJSON_CreateObject(), *names = cJSON_CreateArray();
    cJSON_AddItemToArray(names, cJSON_CreateString(json_str(one, "Name", "")));
    json_put_str(item, "Id", json_str(one, "Id", ""));
    json_put(item, "Names", names);
    json_put_str(item, "State", json_str(json_get(one, "State"), "Status", ""));
    json_put(item, "Labels", cJSON_Duplicate(json_at(one, "Config.Labels"), true));
    cJSON_AddItemToArray(list, item);
  }
  scripted_json(c, 200, list);
}

/* "\1\0\0\0" and the length: one frame of stdout. */
static inline void scripted_logs(struct scripted_call *c) {
  static const char text[] = "agent: cannot start\n";
  char frame[8] = {1, 0, 0, 0, 0, 0, 0, sizeof(text) - 1};
  char head[100];
  snprintf(head, sizeof(head), "HTTP/1.1 200 X\r\nContent-Length: %zu\r\n\r\n", sizeof(frame) + sizeof(text) - 1);
  fake_say(c->fd, head);
  fake_write(c->fd, frame, sizeof(frame));
  fake_say(c->fd, text);
}

static inline bool scripted_container(struct scripted_call *c) {
  static const struct {
    const char *method, *rest;
    void (*run)(struct scripted_call *c, cJSON *container);
  } rows[] = {{"POST", "/start", scripted_start},
              {"POST", "/stop", scripted_stop},
              {"POST", "/rename", scripted_rename},
              {"POST", "/update", scripted_update},
              {"DELETE", "", scripted_remove}};
  char name[300];
  const char *rest;
  if (!scripted_parts(c, "/containers/", name, sizeof(name), &rest))
    return false;
  cJSON *container = scripted_find(scripted_list(c->engine, "containers"), name);
  if (!container) {
    scripted_missing(c);
    return true;
  }
  for (size_t i = 0; i < COUNT_OF(rows); i++)
    if (strcmp(c->method, rows[i].method) == 0 && strcmp(rest, rows[i].rest) == 0) {
      rows[i].run(c, container);
      return true;
    }
  if (strcmp(rest, "/json") == 0)
    scripted_json(c, 200, container);
  else if (strcmp(rest, "/logs") == 0)
    scripted_logs(c);
  else if (strcmp(rest, "/archive") == 0)
    scripted_nothing(c, 200);
  else if (strcmp(rest, "/exec") == 0)
    scripted_say(c, 201, "Id", "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
  else
    return false;
  return true;
}

/* --- images, networks, volumes ----------------------------------------------------------------------------------- */

static inline void scripted_build(struct scripted_call *c) {
  char tag[300], labels[3000], aux[400];
  scripted_param(c, "t", tag, sizeof(tag));
  scripted_param(c, "labels", labels, sizeof(labels));
  CLEANUP_JSON cJSON *json = cJSON_Parse(labels);
  cJSON *image = scripted_new_image(c->engine, tag, json);
  snprintf(aux, sizeof(aux), "{\"stream\":\"Step 1\\n\"}\r\n{\"id\":\"moby.image.id\",\"aux\":{\"ID\":\"%s\"}}\r\n",
           json_str(image, "Id", ""));
  fake_reply(c->fd, 200, "application/json", aux);
}

static inline bool scripted_images(struct scripted_call *c) {
  char name[400], repo[300], tag[100], full[410];
  const char *rest;
  struct scripted_engine *e = c->engine;
  if (strcmp(c->path, "/images/json") == 0) {
    scripted_json(c, 200, scripted_list(e, "images"));
    return true;
  }
  if (strcmp(c->path, "/images/create") == 0) { /* an import */
    scripted_param(c, "repo", repo, sizeof(repo));
    scripted_param(c, "tag", tag, sizeof(tag));
    snprintf(full, sizeof(full), "%s:%s", repo, tag);
    scripted_new_image(e, full, NULL);
    scripted_nothing(c, 200);
    return true;
  }
  if (!scripted_parts(c, "/images/", name, sizeof(name), &rest))
    return false;
  cJSON *image = scripted_image(e, name);
  if (!image) {
    scripted_missing(c);
  } else if (strcmp(rest, "/tag") == 0) {
    scripted_param(c, "repo", repo, sizeof(repo));
    scripted_param(c, "tag", tag, sizeof(tag));
    snprintf(full, sizeof(full), "%s%s%s", repo, *tag ? ":" : "", tag);
    scripted_tag(e, image, full);
    scripted_nothing(c, 201);
  } else if (strcmp(c->method, "DELETE") == 0) {
    scripted_untag(e, name);
    fake_reply(c->fd, 200, "application/json", "[]");
  } else {
    scripted_json(c, 200, image);
  }
  return true;
}

static inline void scripted_create_resource(struct scripted_call *c, cJSON *list) {
  cJSON *item = scripted_find(list, json_str(c->body, "Name", ""));
  char id[65];
  if (!item) {
    item = cJSON_Duplicate(c->body, true);
    scripted_new_id(c->engine, id);
    json_put_str(item, "Id", id);
    cJSON_AddItemToArray(list, item);
  }
  scripted_json(c, 201, item);
}

static inline void scripted_connect(struct scripted_call *c, const cJSON *network) {
  cJSON *container = scripted_find(scripted_list(c->engine, "containers"), json_str(c->body, "Container", ""));
  cJSON *networks = (cJSON *)json_at(container, "NetworkSettings.Networks");
  if (!networks) {
    scripted_missing(c);
    return;
  }
  json_put(networks, json_str(network, "Name", ""), cJSON_CreateObject());
  scripted_nothing(c, 200);
}

static inline bool scripted_resource(struct scripted_call *c, const char *kind) {
  char name[300], folder[20];
  const char *rest;
  cJSON *list = scripted_list(c->engine, kind);
  snprintf(folder, sizeof(folder), "/%s/", kind);
  if (strlen(c->path) + 1 == strlen(folder) && strncmp(c->path, folder, strlen(c->path)) == 0) {
    CLEANUP_JSON cJSON *all = cJSON_CreateObject();
    json_put(all, "Volumes", cJSON_Duplicate(list, true));
    scripted_json(c, 200, *kind == 'v' ? all : list);
    return true;
  }
  if (!scripted_parts(c, folder, name, sizeof(name), &rest))
    return false;
  cJSON *item = scripted_find(list, name);
  if (strcmp(name, "create") == 0)
    scripted_create_resource(c, list);
  else if (!item)
    scripted_missing(c);
  else if (strcmp(c->method, "DELETE") == 0)
    cJSON_Delete(cJSON_DetachItemViaPointer(list, item)), scripted_nothing(c, 204);
  else if (strcmp(rest, "/connect") == 0)
    scripted_connect(c, item);
  else
    scripted_json(c, 200, item);
  return true;
}

#endif
