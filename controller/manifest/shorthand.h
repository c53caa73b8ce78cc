/* The short forms of ports and mounts. */
#ifndef TANDEM_MANIFEST_SHORTHAND_H
#define TANDEM_MANIFEST_SHORTHAND_H

#include "controller/manifest/node.h"

/* "[IP:][HOST[-HOST]:]PORT[-PORT][/PROTOCOL]": appends a map for each port to list. */
int port_expand(const char *text, struct position pos, struct node *list, struct err *err);

/* "[SOURCE:]TARGET[:OPTIONS]" as a map {type, source, target, read_only, bind, volume}. */
int volume_expand(const char *text, struct position pos, struct node **ret_map, struct err *err);
/* Its target alone; NULL when the text is no mount or without memory (errno is ENOMEM then). Caller
 * frees. */
char *volume_target(const char *text);

/* The path without "." , ".." and double slashes, as Go's path.Clean. Caller frees; NULL without memory. */
char *path_clean(const char *path);

#endif
