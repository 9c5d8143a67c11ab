#!/usr/bin/env bash
# Makes a fenced member a standby of its peer: by rewinding it to where the two parted, or by a copy where that does not
# work. Nothing is started: the entrypoint, which waits, goes on. A standby that runs and cannot follow is stopped, with
# its container, and is a copy when it is started again. Twice is the same as once.
# Exit codes: 0 it is a standby, or will be · 1 not now · 3 a person must decide
source /srv/db/member.sh

followed() { # whether the peer sees this standby in its WAL, not only trying
    [ "$(peer "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name = '$HOSTNAME'")" = 1 ]
}

rejoin_standby() {
    local try
    for try in {1..20}; do
        runs && ! followed || { say "is a standby already"; exit 0; }
        sleep 0.5
    done
    say "cannot follow $PEER: stopping here, to be a copy of it from the next start"
    touch "$outdated"
    exec pg_ctl stop --wait --silent -D "$PGDATA" -m fast
}

rewind() {
    # Until its first checkpoint a promoted member's control file tells of the time before: no rewind would seem due.
    psql -XqAtw -h "$PEER" -U replicator -d postgres -c CHECKPOINT || return 1
    touch "$rewinding"
    pg_rewind --target-pgdata="$PGDATA" --source-server="host=$PEER user=replicator dbname=postgres" >/tmp/rewind.log 2>&1 || return 1
    touch "$PGDATA/standby.signal"
    sync -f "$PGDATA"
    rm "$rewinding"
}

exec 9>"$volume/rejoin.lock"
flock 9 # whoever began it may have been killed outside, while it goes on in here
if is_standby && [ ! -e "$rewinding" ]; then rejoin_standby; fi
runs && fail "PostgreSQL runs here as a primary; stop it first"
peer_is_writable || fail "$PEER does not take writes, so there is nothing to follow"
if [ ! -e "$rewinding" ]; then
    theirs=$(peer 'SELECT pg_walfile_name(pg_current_wal_lsn())')
    if [ "$(timeline "$PGDATA")" -gt $((16#${theirs:0:8})) ]; then
        say "was promoted after $PEER was, and $PEER takes writes: what only one of them holds would be lost" >&2
        exit 3
    fi
    rewind && { say "rejoined by a rewind"; exit 0; }
    say "a rewind does not work here: $(tail -n 1 /tmp/rewind.log)"
fi
base_backup || fail "$PEER could not be copied"
say "rejoined by a copy"
