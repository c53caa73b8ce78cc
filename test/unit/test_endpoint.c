#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/http/endpoint.h"

static void accepts(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool tls, insecure;
    const char *base_url;
  } rows[] = {
      {"unix:///var/run/docker.sock", false, false, "http://localhost"},
      {"tcp://192.168.1.28:2376", true, false, "https://192.168.1.28:2376"},
      {"tcp://pc2.lan", true, false, "https://pc2.lan:2376"},
      {"tcp://pc2:2376/", true, false, "https://pc2:2376"},
      {"tcp://[fd00::2]:2376", true, false, "https://[fd00::2]:2376"},
      {"tcp://[::1]:2375", false, false, "http://[::1]:2375"},
      {"tcp://127.3.4.5", false, false, "http://127.3.4.5:2375"},
      {"tcp://localhost:99", false, false, "http://localhost:99"},
      {"tcp://10.0.0.1:2375", false, true, "http://10.0.0.1:2375"},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    struct endpoint ep = {0};
    CLEANUP_ERR struct err err = ERR_INIT;
    if (endpoint_parse(rows[i].text, rows[i].tls, rows[i].insecure, &ep, &err) < 0)
      fail_msg("%s: %s", rows[i].text, err_text(&err));
    assert_string_equal(ep.base_url, rows[i].base_url);
    endpoint_release(&ep);
  }
}

static void refuses(void **state) {
  (void)state;
  static const struct {
    const char *text;
    bool tls, insecure;
    const char *says;
  } rows[] = {
      {"", false, false, "found nothing"},
      {"/var/run/docker.sock", false, false, "expected unix://PATH"},
      {"unix://docker.sock", false, false, "absolute path"},
      {"unix:///x", true, false, "tls does not apply"},
      {"tcp://10.0.0.1:2375", false, false, "without TLS"},
      {"tcp://[fd00::2]:2375", false, false, "without TLS"},
      {"tcp://127.0.0.1.evil.net:2375", false, false, "without TLS"},
      {"tcp://", true, false, "no host name"},
      {"tcp://:2375", true, false, "no host name"},
      {"tcp://-oProxyCommand:1", true, false, "no host name"},
      {"tcp://user@host:2376", true, false, "no host name"},
      {"tcp://host:0", true, false, "port"},
      {"tcp://host:65536", true, false, "port"},
      {"tcp://host:", true, false, "port"},
      {"tcp://host:2376x", true, false, "port"},
      {"tcp://host:2376/v1.41", true, false, "port"},
      {"tcp://host/v1.41", true, false, "at the end"},
      {"tcp://[fd00::2", true, false, "\"]\""},
      {"tcp://[fd00::zz]:1", true, false, "no host name"},
      {"ssh://pc2", false, false, "not supported yet"},
      {"context://pc2", false, false, "not supported yet"},
      {"http://pc2", false, false, "expected unix://PATH"},
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    struct endpoint ep = {0};
    CLEANUP_ERR struct err err = ERR_INIT;
    if (endpoint_parse(rows[i].text, rows[i].tls, rows[i].insecure, &ep, &err) == 0)
      fail_msg("%s was accepted", rows[i].text);
    assert_int_equal(err.kind, ERR_INPUT);
    if (!strstr(err_text(&err), rows[i].says))
      fail_msg("%s: \"%s\" does not say \"%s\"", rows[i].text, err_text(&err), rows[i].says);
    assert_null(ep.base_url);
  }
}

static void long_socket_path(void **state) {
  (void)state;
  char text[200] = "unix:///";
  CLEANUP_ERR struct err err = ERR_INIT;
  struct endpoint ep = {0};
  memset(text + 8, 'x', 107);
  assert_int_equal(endpoint_parse(text, false, false, &ep, &err), -1);
  assert_non_null(strstr(err_text(&err), "107 bytes"));
  text[8 + 106] = '\0';
  assert_int_equal(endpoint_parse(text, false, false, &ep, &err), 0);
  endpoint_release(&ep);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(accepts),
      cmocka_unit_test(refuses),
      cmocka_unit_test(long_socket_path),
  };
  return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
