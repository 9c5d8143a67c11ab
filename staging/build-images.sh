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
pull_bound_s=20

say() { printf 'images: %s\n' "$*"; }
fail() { printf 'images: %s\n' "$*" >&2; exit 4; }

# Proxy and helper are parts of the program: beside this folder in a checkout, two folders up in an installed wheel.
package=$here/..
[ -d "$package/drill/proxy" ] || package=$here/../../..

digest() { # of these files and folders, wherever the folder that holds them lies
    local item
    for item in "$@"; do
        local from=$here
        [[ $item != drill/* ]] || from=$package
        (cd "$from" && find "$item" -type f -not -name '*.pyc' -print0 | sort -z | xargs -0 sha256sum)
    done | sha256sum | cut -c1-16
}
context() { tar -cf - --exclude=__pycache__ -C "$here" . -C "$package" drill/proxy drill/helper; }
label_of() { docker image inspect --format '{{index .Config.Labels "drill.sources"}}' "$1" 2>/dev/null || true; }
present() { docker image inspect "$1" >/dev/null 2>&1; }

build() { # tag digest dockerfile (as in the context) [extra build arguments]
    local tag=$1 sources=$2 file=$3
    shift 3
    local log
    log=$(mktemp)
    # The legacy builder: it is in every client, and finds images that exist only in this engine.
    context | DOCKER_BUILDKIT=0 docker build --quiet --tag "$tag" --label "drill.sources=$sources" --file "$file" "$@" - >"$log" 2>&1 ||
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
    say "building drill-staging-base:local on $base (Python, PostgreSQL, nginx, Redis, Prometheus from Debian; a minute or two)"
    build drill-staging-base:local "$1" base/Dockerfile --build-arg "BASE=$base" "${extra[@]}"
}

image() { # tag dockerfile sources... [-- extra build arguments]; nothing when it is there and its sources are unchanged
    local tag=$1 file=$2 sources=() found
    shift 2
    while [ $# -gt 0 ] && [ "$1" != -- ]; do sources+=("$1"); shift; done
    [ $# = 0 ] || shift
    images=$((images + 1))
    found=$(digest base "$file" "${sources[@]}")
    [ "$(label_of "$tag")" != "$found" ] || return 0
    say "building $tag"
    build "$tag" "$found" "$file" "$@"
    built=1
}

main() {
    exec 9<"${BASH_SOURCE[0]}"
    flock 9 # two runs at once would build everything twice
    require_engine
    local shared built=0 images=1
    local app=(app common.py api worker vendors traffic intake statuspage mail)
    shared=$(digest base)
    if [ "$(label_of drill-staging-base:local)" != "$shared" ]; then
        build_shared "$shared"
        built=1
    fi
    image drill-staging-app:local app/Dockerfile "${app[@]}"
    image drill-staging-app:payments-2 releases/Dockerfile "${app[@]}" releases/payments-2 -- --build-arg RELEASE_FILES=payments-2
    image drill-staging-db:local db/Dockerfile db
    image drill-staging-proxy:local toxiproxy/Dockerfile drill/proxy
    image drill-helper:local drill/helper/Dockerfile drill/helper
    if [ "$built" = 0 ]; then say "all $images images are there and up to date"; else say "done in $SECONDS s"; fi
}

main
