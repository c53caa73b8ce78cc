/* libcurl's result codes in tandem's words. What matters most is whether the request can have been carried out:
 * before the connection stands (no on_connected) it certainly was not. */
#include <string.h>

#include "api/http/internal.h"

static const char *where(const struct http *http) {
  return http->endpoint.kind == ENDPOINT_UNIX ? http->endpoint.path : http->endpoint.base_url;
}

static const char *detail(const struct http_request *r, CURLcode code) {
  return r->curl_text[0] ? r->curl_text : curl_easy_strerror(code);
}

static bool is_tls_code(CURLcode code) {
  switch (code) {
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_ENGINE_NOTFOUND:
  case CURLE_SSL_ENGINE_SETFAILED:
  case CURLE_SSL_ENGINE_INITFAILED:
  case CURLE_SSL_CRL_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_INVALIDCERTSTATUS:
  case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
  case CURLE_SSL_CLIENTCERT:
    return true;
  default:
    return false;
  }
}

/* With TLS 1.3 the engine refuses our certificate only after our side's handshake is complete: the alert arrives in
 * place of the reply. The engine has not read the request then. */
static bool is_certificate_alert(const struct http_request *r, CURLcode code) {
  return r->http->endpoint.tls && !r->received && (code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR) &&
         strstr(r->curl_text, "alert") != NULL;
}

/* The same when the alert was overtaken by the connection's reset: the engine has hung up on the very first request
 * over TLS that this client ever made, right after the handshake. Only a guess, hence only for a GET. */
static bool is_first_hangup(const struct http_request *r) {
  return r->http->endpoint.tls && !r->http->answered && !r->received && strcmp(r->method, "GET") == 0;
}

static void tls_failure(const struct http_request *r, CURLcode code, struct err *err) {
  const char *text = detail(r, code);
  const char *at = where(r->http);
  if (code == CURLE_PEER_FAILED_VERIFICATION)
    err_set(err, ERR_TLS, "%s: the engine's certificate is not trusted (wrong CA, wrong host name or expired): %s", at,
            text);
  else if (code == CURLE_SSL_CERTPROBLEM)
    err_set(err, ERR_TLS, "%s: our client certificate or key cannot be used (cert %s, key %s): %s", at,
            r->http->tls_cert, r->http->tls_key, text);
  else if (code == CURLE_SSL_CACERT_BADFILE)
    err_set(err, ERR_TLS, "%s: the CA file %s cannot be used: %s", at, r->http->tls_ca, text);
  else if (is_certificate_alert(r, code))
    err_set(err, ERR_TLS, "%s: the engine refused our client certificate %s: %s", at, r->http->tls_cert, text);
  else if (r->sent)
    err_set(err, ERR_TLS,
            "%s: the engine ended the connection after the handshake; most likely it refused our client "
            "certificate %s: %s",
            at, r->http->tls_cert, text);
  else
    err_set(err, ERR_TLS, "%s: TLS handshake failed: %s", at, text);
}

static void not_connected(const struct http_request *r, CURLcode code, struct err *err) {
  long os_errno = 0;
  curl_easy_getinfo(r->easy, CURLINFO_OS_ERRNO, &os_errno);
  if (code == CURLE_OUT_OF_MEMORY) {
    err_no_memory(err);
    return;
  }
  if (code == CURLE_COULDNT_CONNECT && os_errno)
    err_set(err, ERR_UNREACHABLE, "cannot connect to %s: %s", where(r->http), strerror((int)os_errno));
  else
    err_set(err, ERR_UNREACHABLE, "cannot connect to %s: %s", where(r->http), detail(r, code));
  err->sys_errno = (int)os_errno;
  err->retryable = true;
}

static void after_sending(const struct http_request *r, CURLcode code, struct err *err) {
  const char *text = detail(r, code);
  if (code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_UNSUPPORTED_PROTOCOL)
    err_set(err, ERR_PROTOCOL, "the answer is not HTTP: %s", text);
  else if (code == CURLE_OPERATION_TIMEDOUT)
    err_set(err, ERR_TIMEOUT, "%s", text);
  else if (!r->received)
    err_set(err, ERR_LOST, "the connection ended before an answer came%s: %s",
            r->http->endpoint.tls ? " (the engine stopped, or refused our certificate)" : "", text);
  else
    err_set(err, ERR_LOST, "the connection ended in the middle of the answer: %s", text);
}

void failure_from_curl(struct http_request *r, CURLcode code, struct err *err) {
  bool hung_up = code == CURLE_RECV_ERROR || code == CURLE_SEND_ERROR || code == CURLE_GOT_NOTHING;
  if ((!r->sent && is_tls_code(code)) || is_certificate_alert(r, code) || (hung_up && r->sent && is_first_hangup(r)))
    tls_failure(r, code, err);
  else if (!r->sent)
    not_connected(r, code, err);
  else
    after_sending(r, code, err);
  err->curl_code = (int)code;
}
