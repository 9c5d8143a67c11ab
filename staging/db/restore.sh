#!/usr/bin/env bash
# Brings the pair of database members back: db-primary takes the writes and has all of them, db-replica follows it.
#
#   staging/db/restore.sh PROJECT      PROJECT: the Compose project
#
# It looks at the roles, does one step, and looks again, so it works from any state, and again after it was killed. It
# needs the docker client; the engine is the one of DOCKER_HOST. Exit codes: 0 seen done · 4 not done
set -euo pipefail
export LC_ALL=C

project=${1:?usage: restore.sh PROJECT}
bound_s=50
first=db-primary second=db-replica

say() { printf 'restore: %s\n' "$*"; }
fail() { printf 'restore: %s\n' "$*" >&2; exit 4; }

engine() { timeout 15 docker "$@"; } # one that hangs must not hold this up for ever
container() { # of a service
    engine ps -aq --filter "label=com.docker.compose.project=$project" --filter "label=com.docker.compose.service=$1" \
        --filter label=com.docker.compose.oneoff=False
}
id() { if [ "$1" = "$first" ]; then echo "$first_id"; else echo "$second_id"; fi; }
state() { engine inspect --format '{{.State.Status}}' "$(id "$1")"; }
inside() { # member command...: bounded, whatever the member does
    local member=$1
    shift
    timeout 25 docker exec "$(id "$member")" "$@"
}
query() { # member SQL; nothing when it does not answer
    timeout 5 docker exec "$(id "$1")" psql -XtAqw -U postgres -d postgres -c "$2" 2>/dev/null || true
}
ask() { # member function: one of member.sh
    inside "$1" bash -c "source /srv/db/member.sh; $2"
}

role() { # primary, replica, fenced, or down: paused, stopped, or on its way up
    local member=$1
    [ "$(state "$member")" = running ] || { echo down; return; }
    case "$(query "$member" 'SELECT pg_is_in_recovery()')" in
        f) echo primary ;;
        t) echo replica ;;
        *) if ask "$member" 'test -e "$fenced"' 2>/dev/null; then echo fenced; else echo down; fi ;;
    esac
}
followed() { # whether the other member follows this primary, and has nearly all
    [ "$(query "$1" "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) < 1000000")" = 1 ]
}
follows() { # as the standby itself sees it
    [ "$(query "$1" "SELECT count(*) FROM pg_stat_wal_receiver WHERE status = 'streaming'")" = 1 ]
}

start() { # unless it runs
    [ "$(state "$1")" != running ] || return 0
    say "starting $1"
    engine start "$(id "$1")" >/dev/null || fail "the engine cannot start $1; its words are above"
}
wake() { # a paused member; but one beside a primary may have been one itself, and would be again
    local member=$1 other=$2
    [ "$(state "$member")" = paused ] || return 0
    if [ "$(role "$other")" = primary ]; then
        say "$member is paused while $other takes the writes: ending it, never waking it"
        engine kill "$(id "$member")" >/dev/null
    else
        say "waking $member"
        engine unpause "$(id "$member")" >/dev/null
    fi
}
promote() { inside "$1" bash /srv/db/promote.sh || true; }
rejoin() {
    local code=0
    inside "$1" bash /srv/db/rejoin.sh || code=$?
    [ "$code" != 3 ] || fail "$1 was promoted while the other took writes, or went on to. Keep one by hand; nothing was changed"
}

switch_back() { # db-primary follows db-replica closely: end the one, promote the other
    say "ending $second in good order; $first takes over"
    inside "$second" bash /srv/db/demote.sh >/dev/null 2>&1 || true
    # The engine calls it stopped a moment after PostgreSQL has ended.
    timeout 10 docker wait "$second_id" >/dev/null || say "$second did not stop in time"
}
hand_over() { # db-replica is stopped: db-primary may take the writes only when it is seen to have all of them
    local theirs ours
    theirs=$(ask "$first" peer_ended_at) && ours=$(ask "$first" received) || return 0
    if [ -n "$theirs" ] && [[ "$ours" > "$theirs" ]]; then
        promote "$first"
    else
        say "$second may hold more than $first, so it goes on"
        start "$second"
    fi
}
elect() { # nobody takes writes: whoever has more
    local one two
    one=$(ask "$first" received) && two=$(ask "$second" received) || return 0
    if [[ "$one" < "$two" ]]; then promote "$second"; else promote "$first"; fi
}

step() { # one step for the roles as they are; 1 when there is nothing left to do
    case "$(role "$first") $(role "$second")" in
        "primary replica") if follows "$second" && followed "$first"; then return 1; else rejoin "$second"; fi ;;
        "primary primary") fail "both members take writes; what only $second took would be lost. Keep one by hand; nothing was changed" ;;
        "primary fenced") rejoin "$second" ;;
        "primary down") start "$second" ;;
        "replica primary") if followed "$second"; then switch_back; else rejoin "$first"; fi ;;
        "replica replica") elect ;;
        "replica down") if [ "$(state "$second")" = running ]; then :; else hand_over; fi ;;
        "fenced primary") rejoin "$first" ;;
        # Whoever is fenced knows that the other one was promoted since.
        "fenced replica") promote "$second" ;;
        "replica fenced") promote "$first" ;;
        "fenced fenced") fail "each member says that the other took writes. Keep one by hand; nothing was changed" ;;
        "fenced down") start "$second" ;;
        "down primary" | "down replica" | "down fenced") start "$first" ;;
        "down down") # those who were primaries sort out by their files who was the last
            start "$first"
            start "$second"
            ;;
    esac
    return 0
}

first_id=$(container "$first") second_id=$(container "$second")
for member in "$first" "$second"; do
    [ "$(id "$member" | wc -w)" = 1 ] || fail "project $project has no single container of $member; run \`drill stack up\`"
done
until [ "$SECONDS" -ge "$bound_s" ]; do
    wake "$first" "$second"
    wake "$second" "$first"
    if ! step; then
        say "$first takes the writes, $second follows it"
        exit 0
    fi
    sleep 0.2 # roles are asked for, never told
done
fail "not done after $bound_s s: $first is $(role "$first"), $second is $(role "$second"); see their logs"
