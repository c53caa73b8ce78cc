# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034  # variables of, and for, scripts/testbed
# Base images, since there is no registry to pull from: made of Debian packages, once, and kept in a cache folder.
#
#   python   minbase, python3, pip, busybox and /wheelhouse: real wheels, so that pip install works offline
#   busybox  one static binary, for tests
#
# A changed recipe needs a new number in the tag, which makes every testbed build and load it anew.

image_python=tandem-testbed/python:1
image_busybox=tandem-testbed/busybox:1
cache=${TANDEM_TESTBED_CACHE:-$testbed/cache}

# What the base runs on; libzmq5 and libyaml are what pyzmq's and PyYAML's wheels link to.
python_packages=python3,python3-pip,libzmq5,libyaml-0-2,busybox-static
# What becomes a wheel: the fleet's common requirements, then those of its others that are small.
wheel_packages=(
  python3-psutil python3-zmq python3-pydantic python3-typing-extensions
  python3-redis python3-async-timeout python3-deprecated python3-wrapt python3-packaging
  python3-requests python3-urllib3 python3-six python3-idna python3-certifi python3-chardet
  python3-yaml
)

images_present() { image_present "$1" "$image_python" && image_present "$1" "$image_busybox"; }
image_present() { engine_call "$1" "/images/$2/json" -f -o /dev/null --max-time 10 2>/dev/null; }

images_load() {
  local m
  if every_machine images_present; then return 0; fi
  mkdir -p "$cache"
  exec 8>"$cache/lock"
  flock -w 600 8 || die "another testbed has been making images in $cache for 10 minutes"
  busybox_make
  python_make
  exec 8>&-
  for m in "${machines[@]}"; do image_import "$m" "$image_busybox" & image_import "$m" "$image_python" & done
  wait_all || die "cannot load the base images"
}

every_machine() {
  local m
  for m in "${machines[@]}"; do "$1" "$m" || return 1; done
}

cached() { echo "$cache/$(tr '/:' '--' <<<"$1").tar"; }

image_import() {
  local m=$1 image=$2 answer
  if image_present "$m" "$image"; then return 0; fi
  answer=$(engine_call "$m" "/images/create?fromSrc=-&repo=${image%:*}&tag=${image#*:}&changes=CMD%20%5B%22sh%22%5D" \
    -X POST -T "$(cached "$image")" -H 'Content-Type: application/x-tar' -H 'Expect:' --no-progress-meter)
  image_present "$m" "$image" || die "$m: import of $image: $answer"
}

busybox_make() {
  local tar root
  tar=$(cached "$image_busybox")
  if [ -e "$tar" ]; then return 0; fi
  root=$cache/busybox.root
  rm -rf "$root"
  mkdir -p "$root"/{bin,etc,proc,sys,dev,tmp,root,var}
  chmod 1777 "$root/tmp"
  cp "$(command -v busybox)" "$root/bin/busybox"
  "$root/bin/busybox" --list | grep -vx busybox | while read -r name; do ln -s busybox "$root/bin/$name"; done
  echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
  echo 'root:x:0:' >"$root/etc/group"
  pack "$root" "$tar"
}

python_make() {
  local tar root
  tar=$(cached "$image_python")
  if [ -e "$tar" ]; then return 0; fi
  say "making $image_python from Debian packages; about a minute, once"
  root=$cache/python.root
  rm -rf "$root"
  mkdir -p "$root"
  python_build "$root" "$tar" >"$cache/python.log" 2>&1 &
  wait $! || die "cannot make $image_python: $(tail -3 "$cache/python.log")"
}

# Runs in the background, waited for: left of a `||`, bash would go on after a failed command.
python_build() {
  python_bootstrap "$1"
  python_wheels "$1"
  python_trim "$1"
  pack "$1" "$2"
}

python_bootstrap() {
  local http_proxy=${http_proxy:-}
  # debootstrap fetches by wget, which knows nothing of a proxy in apt's settings.
  [ -n "$http_proxy" ] || eval "$(apt-config shell http_proxy Acquire::http::Proxy)"
  http_proxy=$http_proxy debootstrap --variant=minbase --include="$python_packages" "$(codename)" "$1" "$(mirror)"
  ln -sf python3 "$1/usr/bin/python"
  rm -f "$1"/usr/lib/python3*/EXTERNALLY-MANAGED
}

codename() { sed -n 's/^VERSION_CODENAME=//p' /etc/os-release; }

# Where this machine's own packages come from.
mirror() {
  if [ -n "${TANDEM_DEBIAN_MIRROR:-}" ]; then echo "$TANDEM_DEBIAN_MIRROR"; return 0; fi
  # shellcheck disable=SC2016  # apt's own format, not the shell's
  apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Created-By: Packages' |
    awk -v name="$(codename)" '($1 == name || $1 == "stable") && $2 == "main" { print $3; exit }'
}

python_wheels() {
  local root=$1
  mkdir -p "$root/wheelhouse" "$root/debs"
  # shellcheck disable=SC2016  # for the shell in there
  chroot "$root" sh -c 'apt-get update -qq && cd /debs && apt-get download -qq "$@"' sh "${wheel_packages[@]}"
  python3 "$lib/debian_wheels.py" "$root/debs" "$root/wheelhouse"
  rm -rf "$root/debs"
}

python_trim() {
  rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/log/* "$1"/var/cache/debconf/*-old "$1/debootstrap" \
    "$1"/usr/share/{doc,man,info,locale,i18n,lintian,bug,common-licenses,pixmaps} "$1/usr/lib/x86_64-linux-gnu/gconv"
  rm -f "$1/etc/resolv.conf" "$1/etc/hostname"
}

# Under another name until it is whole: a cut-off build leaves no half tar behind.
pack() {
  tar -C "$1" --numeric-owner --exclude=./dev/* --exclude=./proc/* --exclude=./sys/* -cf "$2.part" .
  mv "$2.part" "$2"
  rm -rf "$1"
}
