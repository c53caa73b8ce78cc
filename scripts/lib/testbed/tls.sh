# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # variables of, and for, scripts/testbed
# A throw-away CA, a server certificate for pc2 and a client certificate for whoever drives it.

tls_make() {
  local dir=$testbed/tls
  if openssl x509 -checkend 86400 -noout -in "$dir/server.pem" >/dev/null 2>&1; then return 0; fi
  rm -rf "$dir"
  tls_issue "$dir" >"$testbed/tls.log" 2>&1 &
  wait $! || die "cannot make certificates: $(tail -3 "$testbed/tls.log")"
}

tls_issue() {
  umask 077
  mkdir -p "$1"
  cd "$1" || return
  tls_key ca-key.pem
  openssl req -x509 -new -key ca-key.pem -subj "/CN=tandem testbed CA" -days 30 -out ca.pem
  tls_certificate cert key.pem "extendedKeyUsage=clientAuth"
  # Last, since its presence says that all of them are there.
  tls_certificate server server-key.pem "subjectAltName=IP:$(address pc2),DNS:pc2
extendedKeyUsage=serverAuth"
}

tls_key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:prime256v1 -out "$1"; }

tls_certificate() {
  tls_key "$2"
  openssl req -new -key "$2" -subj "/CN=tandem testbed $1" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca-key.pem -CAcreateserial -days 30 \
    -extfile <(printf '%s\n' "$3") -out "$1.pem"
  rm "$1.csr"
}
