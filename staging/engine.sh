#!/usr/bin/env bash
# Makes sure that a container engine answers on this machine; on a Debian-like one it can install and start it.
#
#   staging/engine.sh         says what it would do, and asks
#   staging/engine.sh --yes   does it (so does DRILL_ENGINE_YES=1)
#
# Exit codes: 0 an engine answers · 2 nothing was done · 4 it did not work
set -euo pipefail
export LC_ALL=C

packages=(docker.io docker-compose mmdebstrap iproute2 iptables)
log=/var/log/dockerd.log
start_bound_s=30

say() { printf 'engine: %s\n' "$*"; }
fail() { printf 'engine: %s\n' "${@:2}" >&2; exit "$1"; }

answers() { timeout 5 docker version --format '{{.Server.Version}}' 2>/dev/null; }
has_systemd() { [ -d /run/systemd/system ]; }

missing() { # the packages that are not installed, one a line
    local package
    for package in "${packages[@]}"; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || echo "$package"
    done
}

explain() {
    say "no container engine answers. This would, on this machine:"
    [ -z "$wanted" ] || say "  install the Debian packages: $wanted"
    if has_systemd; then say "  start docker.service"; else say "  start dockerd in the background, its log in $log"; fi
}

agree() {
    [ "${1:-}" != --yes ] && [ "${DRILL_ENGINE_YES:-}" != 1 ] || return 0
    [ -t 0 ] || fail 2 "nothing was done: there is nobody to ask. Run staging/engine.sh --yes, or set DRILL_ENGINE_YES=1"
    local reply
    read -r -p "engine: do it? [y/N] " reply
    case "$reply" in [yY]*) ;; *) fail 2 "nothing was done" ;; esac
}

install() {
    [ -n "$wanted" ] || return 0
    say "installing $wanted"
    # Without this the package would try to start a service that this script starts itself.
    has_systemd || export RUNLEVEL=1
    # shellcheck disable=SC2086  # one word a package
    apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends $wanted >/dev/null ||
        fail 4 "apt-get could not install them; the lines above say why"
}

start() {
    say "starting the engine"
    if has_systemd; then
        systemctl start docker
    elif ! pidof dockerd >/dev/null; then # a second one would wipe the first one's network rules
        setsid dockerd >"$log" 2>&1 </dev/null &
    fi
    local end=$((SECONDS + start_bound_s))
    until answers >/dev/null; do
        [ "$SECONDS" -lt "$end" ] || fail 4 "it does not answer after $start_bound_s s; see $(has_systemd && echo 'journalctl -u docker' || echo "$log")"
        sleep 0.2
    done
}

main() {
    local version wanted
    if version=$(answers); then
        say "an engine answers already (version $version); nothing to do"
        return
    fi
    [ -z "${DOCKER_HOST:-}" ] || fail 2 "DOCKER_HOST is set to $DOCKER_HOST, and no engine answers there; start that one or unset it"
    command -v dpkg-query >/dev/null && command -v apt-get >/dev/null ||
        fail 2 "this machine is not Debian-like; install Docker Engine and Compose in its own way, then try again"
    wanted=$(missing | tr '\n' ' ')
    wanted=${wanted% }
    explain
    agree "${1:-}"
    [ "$(id -u)" = 0 ] || fail 2 "nothing was done: this needs root; run it with sudo"
    install
    start
    say "an engine answers (version $(answers))"
}

main "$@"
