#!/usr/bin/env bash
# Records the sample drills of this folder anew, or only judges the committed recordings again:
#
#   docs/samples/make.sh            seven real drills: the three that every team knows on Docker, each with the right and
#                                   the clumsy script, and api-frozen as local processes (about 6 min)
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

record() { # folder, scenario, arguments of drill run
    local name=$1
    shift
    rm -rf drill-results
    "$drill" run "$@" --seed 1 || [ $? = 1 ]
    mkdir -p "$here/$name"
    cp drill-results/*/journal.jsonl "$here/$name/journal.jsonl"
    judge "$name"
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
port=28000
for name in GATEWAY WORKER DB_PRIMARY DB_REPLICA VENDORS TOXIPROXY PROMETHEUS ALERTMANAGER INTAKE STATUSPAGE MAIL_HTTP MAIL_SMTP TRAFFIC GATEWAY_TLS; do
    export "DRILL_${name}_PORT=$((port++))"
done

cd "$work/docker"
"$drill" init --yes
"$drill" stack up
for scenario in db-primary-down payment-webhook-500 llm-rate-limited; do
    record "$scenario" "$scenario"
    record "$scenario-clumsy" "$scenario" --script clumsy
done

cd "$work/processes"
"$drill" stack up --stack process
record api-frozen api-frozen --stack process
