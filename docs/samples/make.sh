#!/usr/bin/env bash
# Records the sample drills of this folder anew, or only judges the committed recordings again:
#
#   docs/samples/make.sh            two real drills: database-down on Docker, api-frozen as local processes (1 min)
#   docs/samples/make.sh --score    no drill: scorecards of the committed journals by today's rules
#
# DRILL names the program (default: .venv/bin/drill of this checkout). The Docker drill runs in a Compose project and on
# ports of its own, and takes both down again.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
drill=${DRILL:-$here/../../.venv/bin/drill}
[ -x "$drill" ] || { echo "samples: $drill is no program; run make demo once, or set DRILL" >&2; exit 2; }

judge() { # a drill may have failed: a sample shows what happened, so the exit code is no error here
    "$drill" score --out "$here/$1" "$here/$1/journal.jsonl" >/dev/null || [ $? = 1 ]
    chmod a+r "$here/$1"/*
}

record() { # scenario, arguments of drill run
    "$drill" run "$@" --seed 1 || [ $? = 1 ]
    mkdir -p "$here/$1"
    cp drill-results/*/journal.jsonl "$here/$1/journal.jsonl"
    judge "$1"
}

if [ "${1:-}" = --score ]; then
    for journal in "$here"/*/journal.jsonl; do judge "$(basename "$(dirname "$journal")")"; done
    exit
fi

work=$(mktemp -d)
leave() { # whatever went wrong, no stack stays
    (cd "$work/docker" && "$drill" stack down) || true
    (cd "$work/processes" && "$drill" stack down --stack process) || true
    rm -rf "$work"
}
trap leave EXIT
mkdir "$work/docker" "$work/processes"
export DRILL_API_PORT=28000 DRILL_MAIL_HTTP_PORT=28025 DRILL_MAIL_SMTP_PORT=21025 DRILL_STATUSPAGE_PORT=28080 DRILL_DB_PORT=25432

cd "$work/docker"
"$drill" init --yes
"$drill" stack up
record database-down

cd "$work/processes"
"$drill" stack up --stack process
record api-frozen --stack process
