# Sourced by the scripts of a database member: settings, and questions to itself and its peer.
#
# APP_PASSWORD  password of the roles app and replicator
# PEER          host of the other member; empty for a database that stands alone
# ROLE          primary (default) or replica: what it begins as on an empty volume
set -euo pipefail
export LC_ALL=C
: "${APP_PASSWORD:?set APP_PASSWORD to the password of the role app}"
PEER=${PEER:-}
ROLE=${ROLE:-primary}
volume=$(dirname "$PGDATA")
born=$volume/born           # there once the first cluster was complete: from then on nothing is initialised again
rewinding=$volume/rewinding # there while a rewind is under way: cut short, it leaves files that only a copy can replace
outdated=$volume/outdated   # there when this standby cannot follow, and is to be a copy at its next start
fenced=/tmp/fenced          # there while PostgreSQL is not started because the peer takes the writes
peer_data=/var/lib/postgresql/peer/data # the peer's volume, to read: it answers when the peer itself does not
export PGPASSWORD=$APP_PASSWORD PGCONNECT_TIMEOUT=2

say() { printf 'member: %s\n' "$*"; }
fail() { printf 'member: %s\n' "$*" >&2; exit 1; }

peer() { # a query on the peer; looking up the name of one that is gone may take long, hence the bound
    timeout 3 psql -XtAqw -h "$PEER" -U replicator -d postgres -c "$1" 2>/dev/null
}
here() { # a query on this member
    psql -XtAqw -U postgres -d postgres -c "$1"
}

is_standby() { [ -f "$PGDATA/standby.signal" ]; }
runs() { # not by pg_ctl: after a kill its file names a process that may be anything by now
    local pid
    pid=$(head -n 1 "$PGDATA/postmaster.pid" 2>/dev/null) && [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = postgres ]
}
peer_is_writable() { [ -n "$PEER" ] && [ "$(peer 'SELECT pg_is_in_recovery()')" = f ]; }
peer_has_data() { [ -e "$peer_data/PG_VERSION" ]; }

timeline() { # of a data folder, one more with each promotion: the first digits of its newest WAL segment's name
    local newest
    newest=$(find "$1/pg_wal" -maxdepth 1 -regex '.*/[0-9A-F]*' -name '????????????????????????' -printf '%f\n' | sort | tail -n 1)
    echo $((16#${newest:0:8}))
}
peer_was_promoted() { # while this primary was away, to judge by the peer's files: then the newer writes are there
    peer_has_data && [ ! -e "$peer_data/standby.signal" ] && [ "$(timeline "$peer_data")" -gt "$(timeline "$PGDATA")" ]
}

place() { # timeline and position in the WAL as text that sorts
    printf '%08X %08X %08X\n' "$1" "$((16#${2%/*}))" "$((16#${2#*/}))"
}
received() { # how far this running standby has come
    place "$(timeline "$PGDATA")" "$(here 'SELECT greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())')"
}
peer_ended_at() { # where the last record begins of a peer that was stopped in good order; nothing when it was not
    local control
    control=$(pg_controldata -D "$peer_data")
    grep -q '^Database cluster state: *shut down$' <<<"$control" || return 0
    place "$(timeline "$peer_data")" "$(sed -n 's/^Latest checkpoint location: *//p' <<<"$control")"
}

base_backup() { # a copy of the peer, complete before it takes the place of what was here
    local fresh=$PGDATA.new
    rm -rf "$fresh"
    pg_basebackup --no-password -h "$PEER" -U replicator -D "$fresh" --checkpoint=fast --wal-method=stream --no-slot >/dev/null || return 1
    touch "$fresh/standby.signal"
    sync -f "$fresh"
    rm -rf "$PGDATA.old"
    [ ! -e "$PGDATA" ] || mv "$PGDATA" "$PGDATA.old"
    mv "$fresh" "$PGDATA"
    touch "$born"
    rm -rf "$PGDATA.old" "$rewinding" "$outdated"
}
