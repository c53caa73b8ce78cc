/* The version of the HTTP library in use. */
#ifndef TANDEM_HTTP_VERSION_H
#define TANDEM_HTTP_VERSION_H

const char *http_library_version(void); /* "7.88.1" */

#endif
