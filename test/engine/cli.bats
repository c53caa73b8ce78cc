#!/usr/bin/env bats
# The command line without any engine: help, wrong usage, where things go. TANDEM: the binary (default: build/tandem).

bats_require_minimum_version 1.5.0

setup() {
  tandem=${TANDEM:-$BATS_TEST_DIRNAME/../../${BUILD:-build}/tandem}
  cd "$BATS_TEST_TMPDIR" || exit
  export XDG_STATE_HOME=$PWD/state HOME=$PWD
  unset TANDEM_STATE DOCKER_HOST COMPOSE_FILE
}

one_line() { [ "$(printf '%s\n' "$output" | wc -l)" -eq 1 ]; }

@test "no command: a short help on stderr, 64" {
  run --separate-stderr "$tandem"
  [ "$status" -eq 64 ]
  [ -z "$output" ]
  [[ $stderr == *"tandem plan"* ]]
}

@test "--help names every command and every exit code, on stdout" {
  run --separate-stderr "$tandem" --help
  [ "$status" -eq 0 ]
  [ -z "$stderr" ]
  for word in config plan apply rollback relocate build requirements profile status history show logs down recover \
    controller version; do
    [[ $output == *"  $word "* ]]
  done
  for code in 0 1 2 3 4 5 6 7 64; do
    grep -qE "^ +$code  [a-z]" <<<"$output"
  done
  run "$tandem" help
  [ "$status" -eq 0 ]
}

@test "--help of every command exits 0 and shows its usage" {
  for word in config plan apply rollback relocate build requirements profile status history show logs down recover \
    controller version help; do
    run "$tandem" "$word" --help
    [ "$status" -eq 0 ]
    [[ ${lines[0]} == "usage: tandem $word"* ]]
    help=$output
    run "$tandem" help "$word"
    [ "$status" -eq 0 ]
    [ "$output" = "$help" ]
  done
}

@test "--version" {
  run "$tandem" --version
  [ "$status" -eq 0 ]
  [[ $output =~ ^tandem\ [0-9]+\.[0-9]+\.[0-9]+$ ]]
}

@test "an unknown command: one line with a suggestion, 64" {
  run "$tandem" aply
  [ "$status" -eq 64 ]
  one_line
  [[ $output == *'did you mean apply?'* ]]
  run "$tandem" help aply
  [ "$status" -eq 64 ]
}

@test "an unknown option: one line with a suggestion, 64" {
  run "$tandem" plan --detailed-exitcod3
  [ "$status" -eq 64 ]
  one_line
  [[ $output == *'did you mean --detailed-exitcode?'* ]]
}

@test "bad values and words: one line, 64" {
  for words in '--progress loud plan' '--log-level x plan' 'apply --parallelism 0' 'apply --parallelism x' \
    'logs --tail -1' 'plan --format yaml' 'status extra' 'relocate' 'relocate a b' 'show' 'show x' 'rollback 0' \
    'rollback 1 2' 'plan -o' '-f'; do
    # shellcheck disable=SC2086  # words on purpose
    run "$tandem" $words
    [ "$status" -eq 64 ]
    one_line
  done
}

@test "planned commands say so, 64" {
  for word in requirements profile controller; do
    run "$tandem" "$word"
    [ "$status" -eq 64 ]
    one_line
    [[ $output == *planned* ]]
  done
}

@test "relocate without --to, and change without -y and a terminal: 64, nothing is read or made" {
  run "$tandem" relocate a
  [ "$status" -eq 64 ]
  for word in apply rollback down 'relocate a --to b'; do
    # shellcheck disable=SC2086  # words on purpose
    run "$tandem" $word </dev/null
    [ "$status" -eq 64 ]
    [[ $output == *'-y'* || $output == *'--to'* ]]
  done
  [ ! -e state ]
}

@test "a state folder nobody said: HOME is used, and without it 64" {
  printf 'name: p\nservices: {a: {image: x}}\n' >compose.yaml
  run env -u HOME -u XDG_STATE_HOME setpriv --reuid 65534 --regid 65534 --clear-groups "$tandem" history
  [ "$status" -eq 64 ]
  [[ $output == *'--state'* ]]
}

@test "version needs no manifest" {
  run --separate-stderr "$tandem" version
  [ "$status" -eq 0 ]
  [[ ${lines[0]} == "tandem "* ]]
}

@test "a full disk is told" {
  [ -c /dev/full ] || skip
  run bash -c "'$tandem' --help >/dev/full"
  [ "$status" -eq 1 ]
  [[ $output == *'No space left'* ]]
}

@test "README's events and exit codes are those of the code" {
  root=$BATS_TEST_DIRNAME/../..
  # shellcheck disable=SC2016  # backticks of Markdown
  want=$(sed -n 's/^ *X([A-Z_]*, "\([^"]*\)", LOG_\([A-Z]*\), "\([^"]*\)").*/| `\1` | \L\2\E | \3 |/p' \
    "$root/controller/log/events.h")
  have=$(sed -n '/^<!-- events/,/^<!-- .events/p' "$root/README.md" | grep '^| `')
  [ -n "$want" ]
  [ "$have" = "$want" ]
  want=$(sed -n 's/^ *{CODE_[A-Z_]*, "\(.*\)"},$/\1/p' "$root/controller/cli/exit.c")
  have=$(sed -n '/^## Exit codes/,/^## Manifest/s/^| [0-9]* | \(.*\) |$/\1/p' "$root/README.md" | tr -d '`')
  [ -n "$want" ]
  [ "$have" = "$want" ]
}
