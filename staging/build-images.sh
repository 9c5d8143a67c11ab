#!/usr/bin/env bash
# Builds the images of the reference stack, and nothing where they are there and their sources are unchanged.
#
# Environment, all optional:
#   DRILL_BASE_IMAGE   Debian bookworm image to build on (default: debian:bookworm-slim, present, pulled or made here)
#   DRILL_APT_MIRROR   Debian mirror to use inside the build
#   http_proxy, https_proxy, no_proxy   passed on to the build when they are set
set -euo pipefail
export LC_ALL=C

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
official=debian:bookworm-slim
home_made=drill-staging-debian:local
services=(api mail statuspage db)
pull_bound_s=20

say() { printf 'images: %s\n' "$*"; }
fail() { printf 'images: %s\n' "$*" >&2; exit 4; }

digest() { (cd "$here" && find "$@" -type f -not -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16); }
label_of() { docker image inspect --format '{{index .Config.Labels "drill.sources"}}' "$1" 2>/dev/null || true; }
present() { docker image inspect "$1" >/dev/null 2>&1; }

build() { # tag digest dockerfile [extra build arguments]
    local tag=$1 sources=$2 file=$3
    shift 3
    local log
    log=$(mktemp)
    # The legacy builder: it is in every client, and finds images that exist only in this engine.
    DOCKER_BUILDKIT=0 docker build --quiet --tag "$tag" --label "drill.sources=$sources" --file "$file" "$@" "$here" >"$log" 2>&1 ||
        { cat "$log" >&2; fail "building $tag failed; the lines above say why"; }
    rm -f "$log"
}

require_engine() {
    command -v docker >/dev/null || fail "no docker client; install one (as root on Debian: $here/engine.sh)"
    docker version --format '{{.Server.Version}}' >/dev/null 2>&1 ||
        fail "no container engine answers at ${DOCKER_HOST:-the default socket}; start one (as root on Debian: $here/engine.sh)"
}

make_base() {
    command -v mmdebstrap >/dev/null || fail "no $official and mmdebstrap is missing; apt-get install mmdebstrap, or docker load the image"
    [ "$(id -u)" = 0 ] || fail "no $official; run this once as root to make a base image, or docker load the image"
    say "making a Debian bookworm base from packages with mmdebstrap (about 30 s)"
    local log
    log=$(mktemp)
    # shellcheck disable=SC2086  # the mirror is either one word or nothing
    mmdebstrap --quiet --variant=minbase --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' bookworm - ${DRILL_APT_MIRROR:-} 2>"$log" |
        docker import --change 'CMD ["bash"]' - "$home_made" >/dev/null ||
        fail "mmdebstrap could not make the base image: $(tail -n 1 "$log")"
    rm -f "$log"
}

choose_base() { # sets base
    base=${DRILL_BASE_IMAGE:-$official}
    present "$base" && return
    [ -z "${DRILL_BASE_IMAGE:-}" ] || fail "DRILL_BASE_IMAGE=$base is not in this engine; docker pull or docker load it first"
    base=$home_made
    present "$base" && return
    say "pulling $official (gives up after $pull_bound_s s)"
    if timeout "$pull_bound_s" docker pull --quiet "$official" >/dev/null 2>&1; then
        base=$official
        return
    fi
    say "$official cannot be pulled here"
    make_base
}

build_shared() {
    local extra=() name
    for name in http_proxy https_proxy no_proxy; do
        [ -z "${!name:-}" ] || extra+=(--build-arg "$name")
    done
    [ -z "${DRILL_APT_MIRROR:-}" ] || extra+=(--build-arg "APT_MIRROR=$DRILL_APT_MIRROR")
    local base
    choose_base
    say "building drill-staging-base:local on $base (Python, PostgreSQL, curl from Debian; about a minute)"
    build drill-staging-base:local "$1" "$here/base/Dockerfile" --build-arg "BASE=$base" "${extra[@]}"
}

main() {
    exec 9<"${BASH_SOURCE[0]}"
    flock 9 # two runs at once would build everything twice
    require_engine
    local shared service sources built=0
    shared=$(digest base)
    if [ "$(label_of drill-staging-base:local)" != "$shared" ]; then
        build_shared "$shared"
        built=1
    fi
    for service in "${services[@]}"; do
        sources=$(digest base common.py "$service")
        [ "$(label_of "drill-staging-$service:local")" != "$sources" ] || continue
        say "building drill-staging-$service:local"
        build "drill-staging-$service:local" "$sources" "$here/$service/Dockerfile"
        built=1
    done
    if [ "$built" = 0 ]; then say "all ${#services[@]} images are there and up to date"; else say "done in $SECONDS s"; fi
}

main
