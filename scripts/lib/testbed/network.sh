# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # variables of, and for, scripts/testbed
# The testbed's network: a switch, a cable to each machine, one to the host.

switch=$prefix-switch
host_link=${prefix}0

namespace() { echo "$prefix-$1"; }
in_namespace() { nsenter --net="/run/netns/$1" -- "${@:2}"; }

address() {
  case $1 in
    mainpc) echo "10.77.$nr.1" ;;
    pc2) echo "10.77.$nr.2" ;;
    host) echo "10.77.$nr.254" ;;
  esac
}

network_is_up() {
  local name
  for name in switch "${machines[@]}"; do [ -e "/run/netns/$prefix-$name" ] || return 1; done
  ip link show "$host_link" >/dev/null 2>&1
}

network_up() {
  local m
  if network_is_up; then return 0; fi
  # Half a network is of no use, and engines in it would be left without one: take the rest down first.
  for m in "${machines[@]}"; do engine_kill "$m"; done
  network_down
  namespace_add "$switch"
  ip -n "$switch" link add br0 type bridge stp_state 0 forward_delay 0
  ip -n "$switch" link set br0 up
  for m in "${machines[@]}"; do
    namespace_add "$(namespace "$m")"
    cable "$m" "$(namespace "$m")" lan0
  done
  cable host "" "$host_link"
}

# IPv6 off: half as many docker-proxy processes, and no wait for duplicate address detection.
namespace_add() {
  ip netns add "$1"
  in_namespace "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1 2>/dev/null || true
  ip -n "$1" link set lo up
}

# cable PORT NAMESPACE LINK: from the switch's port to a link in a namespace ("" = the host's).
cable() {
  local at=()
  [ -z "$2" ] || at=(-n "$2")
  ip "${at[@]}" link add "$3" type veth peer name "$1" netns "$switch"
  ip "${at[@]}" address add "$(address "$1")/24" dev "$3"
  ip "${at[@]}" link set "$3" up
  ip -n "$switch" link set "$1" master br0 up
}

# A namespace lives on while a process is in it; engine_kill has seen to that.
network_down() {
  local name
  ip link del "$host_link" 2>/dev/null || true
  for name in "${machines[@]}" switch; do
    [ ! -e "/run/netns/$prefix-$name" ] || ip netns del "$prefix-$name"
  done
}

network_cut() { ip -n "$switch" link set "$1" down; }
network_heal() { ip -n "$switch" link set "$1" up; }
is_cut() { ! ip -n "$switch" link show "$1" 2>/dev/null | grep -q '[<,]UP[,>]'; }
