/* Paths as text. Nothing here looks at the file system. All results are the caller's to free, NULL without memory. */
#ifndef TANDEM_MANIFEST_PATH_H
#define TANDEM_MANIFEST_PATH_H

/* path taken from folder if it is relative, cleaned. */
char *path_join(const char *folder, const char *path);
/* What stands before the last slash; "." if there is none. */
char *path_folder(const char *path);
/* Behind the last slash; part of path. */
const char *path_base(const char *path);
/* A leading "~" replaced by home, unless that is NULL. */
char *path_expand_home(const char *path, const char *home);

#endif
