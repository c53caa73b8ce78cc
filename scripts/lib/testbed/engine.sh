# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # variables of, and for, scripts/testbed
# A dockerd for each machine: own data, exec root (so a containerd of its own), bridge range, cgroup and socket.
#
# It runs in its machine's network namespace (entered by nsenter: `ip netns exec` would remount /sys and hide the
# cgroup mounts) and in a mount namespace of its own: when its last process is gone, so is every mount it made. There it
# has an /etc/docker of its own too, whose key.json is an engine's identity: two engines with one key have one /info ID.

engine_socket() { echo "$testbed/$1/docker.sock"; }
engine_cgroup() { echo "$prefix-$1"; }

# engine_call MACHINE PATH CURL-ARGUMENTS…
engine_call() { curl -sS --max-time 120 --unix-socket "$(engine_socket "$1")" "http://engine$2" "${@:3}"; }

engine_answers() {
  [ -S "$(engine_socket "$1")" ] && [ "$(engine_call "$1" /_ping --max-time 2 2>/dev/null)" = OK ]
}

all_up() {
  local m
  network_is_up || return 1
  for m in "${machines[@]}"; do
    if is_cut "$m" || ! engine_answers "$m" || ! images_present "$m"; then return 1; fi
  done
}

engine_describe() {
  local m=$1 state=up link=linked
  engine_answers "$m" || state=down
  ! is_cut "$m" || link="cut"
  printf '%-8s engine %-5s %-7s %s  %s\n' "$m" "$state" "$link" "$(address "$m")" "unix://$(engine_socket "$m")"
  [ "$state $link" = "up linked" ]
}

engines_start() {
  local m
  for m in "${machines[@]}"; do network_heal "$m"; engine_start "$m" & done
  wait_all
}

engine_start() {
  local m=$1
  if engine_answers "$m"; then return 0; fi
  engine_kill "$m"
  if engine_boot "$m"; then return 0; fi
  # Data that a kill left half-written can keep an engine from starting. It is a testbed: throw it away, once.
  say "$m: engine ended at its start, wiping its data: $(tail -2 "$testbed/$m/dockerd.log")"
  engine_kill "$m"
  rm -rf "$testbed/$m/data"
  engine_boot "$m" || die "$m: engine ended at its start: $(tail -5 "$testbed/$m/dockerd.log")"
}

# False if the engine ended. It answers only when it has started again what was running at a loss of power, so a slow
# start is no reason to give up.
engine_boot() {
  engine_launch "$1"
  wait_for 180 engine_came "$1" || die "$1: engine does not answer: $(tail -5 "$testbed/$1/dockerd.log")"
  engine_answers "$1"
}

# Answers, or is dead and never will.
engine_came() { engine_answers "$1" || ! kill -0 "$(cat "$testbed/$1/launched" 2>/dev/null)" 2>/dev/null; }

engine_launch() {
  local m=$1 dir=$testbed/$1 override=TANDEM_DOCKERD_${1^^}
  mkdir -p "$dir/etc" /etc/docker
  rm -rf "$dir/exec" "$dir/docker.pid" "$dir/docker.sock"
  engine_settings "$m" >"$dir/daemon.json"
  (
    ulimit -n 1048576 2>/dev/null || true
    ulimit -u unlimited 2>/dev/null || true
    exec setsid nsenter --net="/run/netns/$(namespace "$m")" -- unshare --mount --propagation slave -- \
      sh -c "mount --bind '$dir/etc' /etc/docker && exec \"\$@\"" sh \
      "${!override:-dockerd}" --config-file "$dir/daemon.json" 9>&- 3>&- </dev/null >"$dir/dockerd.log" 2>&1
  ) &
  echo $! >"$dir/launched"
  disown
}

# Starts a dead engine, or lets a frozen one go on. What has outlived its daemon (containerd, shims, containers) stays, and the new daemon goes into
# their mount namespace, where it finds what the old one mounted.
engine_boot_again() {
  local m=$1 dir=$testbed/$1 override=TANDEM_DOCKERD_${1^^} survivor
  if engine_answers "$m"; then return 0; fi
  if engine_signal "$m" CONT 2>/dev/null && wait_for 20 engine_answers "$m"; then return 0; fi
  survivor=$(engine_survivor "$m")
  if [ -z "$survivor" ]; then
    engine_start "$m"
    return
  fi
  rm -f "$dir/docker.pid" "$dir/docker.sock"
  (
    ulimit -n 1048576 2>/dev/null || true
    ulimit -u unlimited 2>/dev/null || true
    exec setsid nsenter --target "$survivor" --net --mount -- \
      "${!override:-dockerd}" --config-file "$dir/daemon.json" 9>&- 3>&- </dev/null >>"$dir/dockerd.log" 2>&1
  ) &
  echo $! >"$dir/launched"
  disown
  wait_for 180 engine_came "$m" || die "$m: engine does not answer: $(tail -5 "$dir/dockerd.log")"
  engine_answers "$m" || die "$m: engine ended at its start: $(tail -5 "$dir/dockerd.log")"
}

# A containerd or a shim of an engine: it is in the engine's own mount namespace.
engine_survivor() {
  local pid
  for pid in $(engine_pids "$1"); do
    case $(readlink "/proc/$pid/exe" 2>/dev/null) in
      */containerd | */containerd-shim*) echo "$pid"; return ;;
    esac
  done
}

# False where no daemon is.
engine_signal() {
  local pid
  pid=$(cat "$testbed/$1/docker.pid" 2>/dev/null) && [ -n "$(ours "$pid")" ] && kill -s "$2" "$pid"
}

engine_live_restore() {
  local m=$1 value=false
  [ "$2" = off ] || value=true
  echo "$value" >"$testbed/$m/live-restore"
  engine_settings "$m" >"$testbed/$m/daemon.json"
  if engine_answers "$m"; then
    engine_signal "$m" HUP
    wait_for 20 engine_restores "$m" "$value" || die "$m: live-restore does not become $value"
  fi
}

engine_restores() { [ "$(engine_call "$1" /info | jq -r .LiveRestoreEnabled)" = "$2" ]; }

# All of an engine's settings, so that the host's own /etc/docker/daemon.json has no part in it.
engine_settings() {
  local m=$1 dir=$testbed/$1 range tls='' tcp=''
  case $m in mainpc) range=$((100 + 2 * nr)) ;; *) range=$((101 + 2 * nr)) ;; esac
  if [ "$m" = pc2 ]; then
    tcp=", \"tcp://$(address pc2):2376\""
    tls="\"tlsverify\": true, \"tlscacert\": \"$testbed/tls/ca.pem\",
  \"tlscert\": \"$testbed/tls/server.pem\", \"tlskey\": \"$testbed/tls/server-key.pem\","
  fi
  cat <<JSON
{
  "hosts": ["unix://$(engine_socket "$m")"$tcp], $tls
  "data-root": "$dir/data", "exec-root": "$dir/exec", "pidfile": "$dir/docker.pid",
  "bip": "10.$range.0.1/24",
  "default-address-pools": [{"base": "10.$range.128.0/17", "size": 24}],
  "cgroup-parent": "/$(engine_cgroup "$m")", "exec-opts": ["native.cgroupdriver=cgroupfs"],
  "features": {"buildkit": true}, "userland-proxy": true, "live-restore": $(cat "$dir/live-restore" 2>/dev/null || echo false),
  "log-level": "warn", "log-opts": {"max-size": "5m", "max-file": "2"}, "shutdown-timeout": 10
}
JSON
}

# Every process of a machine's engine: the daemon, what runs in its network namespace (containerd, shims, proxies),
# what names its folder (the same, should the namespace be gone), and what is in its cgroup (containers).
engine_pids() {
  local m=$1
  {
    ip netns pids "$(namespace "$m")" 2>/dev/null || true
    find /sys/fs/cgroup -path "*/$(engine_cgroup "$m")*" -name cgroup.procs -exec cat {} + 2>/dev/null || true
    grep -lsaF -e "$testbed/$m/exec/" -e "$testbed/$m/daemon.json" /proc/[0-9]*/cmdline |
      while IFS=/ read -r _ _ pid _; do ours "$pid"; done || true
  } | sort -un | grep -vx -e 0 -e $$ -e "$BASHPID" || true
}

# A process that only mentions the folder (an editor, a tail) is not an engine's.
ours() {
  case $(readlink "/proc/$1/exe" 2>/dev/null) in
    */dockerd* | */containerd* | */docker-proxy* | */runc* | */docker-init* | */unshare | */nsenter) echo "$1" ;;
  esac
}

engine_kill() {
  local m=$1 cgroup
  if ! wait_for 20 engine_killed "$m"; then die "$m: cannot kill $(engine_pids "$m" | tr '\n' ' ')"; fi
  find /sys/fs/cgroup -depth -type d -path "*/$(engine_cgroup "$m")*" 2>/dev/null |
    while read -r cgroup; do rmdir "$cgroup" 2>/dev/null || true; done
  rm -rf "$testbed/$m"/{exec,docker.pid,docker.sock,launched}
}

engine_killed() {
  local pids
  mapfile -t pids < <(engine_pids "$1")
  [ "${#pids[@]}" -gt 0 ] || return 0
  kill -KILL "${pids[@]}" 2>/dev/null || true
  return 1
}

# Clean by the engine itself while it answers, so that its data is whole and empty but for the images.
engine_stop() {
  local m=$1 pid
  if engine_answers "$m"; then
    engine_empty "$m"
    pid=$(cat "$testbed/$m/docker.pid")
    kill -TERM "$pid"
    wait_for 30 process_gone "$pid" || say "$m: engine did not stop in 30 s, killing it"
  fi
  engine_kill "$m"
  rm -f "$testbed/$m/live-restore"
}

process_gone() { ! kill -0 "$1" 2>/dev/null; }

engine_empty() {
  local m=$1 what socket
  socket=$(engine_socket "$m")
  engine_call "$m" '/containers/json?all=1' | jq -r '.[].Id' |
    xargs -r -P 4 -I '{}' curl -sS -o /dev/null --max-time 60 --unix-socket "$socket" -X DELETE \
      'http://engine/containers/{}?force=1&v=1' || true
  engine_call "$m" '/swarm/leave?force=1' -X POST -o /dev/null || true
  for what in networks volumes; do engine_call "$m" "/$what/prune" -X POST -o /dev/null || true; done
}
