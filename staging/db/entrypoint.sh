#!/usr/bin/env bash
# A database member: makes its cluster once, then becomes PostgreSQL; unless it was a primary and its peer took its
# place. Then it stays fenced, with PostgreSQL not started, until rejoin.sh was run in it. The peer is asked, and when
# it does not answer its files are looked at; of a peer that is gone with its files, a primary knows nothing, and starts.
source /srv/db/member.sh

initialise() { # the first primary, with role and database `app`, and a role for its standby
    local fresh=$PGDATA.new
    rm -rf "$fresh"
    # Files are synced once at the end: the rename makes a half-made cluster impossible.
    initdb --no-sync --data-checksums --username=postgres --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8 --locale=C -D "$fresh" >/dev/null
    printf 'host %s all all scram-sha-256\n' all replication >>"$fresh/pg_hba.conf"
    # In the file, not on the command line: a rewind starts the server too, and both members must agree.
    cat >>"$fresh/postgresql.conf" <<'CONF'
listen_addresses = '0.0.0.0'
log_destination = 'stderr'
shared_buffers = 32MB
max_connections = 60
wal_level = replica
max_wal_senders = 5
wal_keep_size = 256MB
wal_log_hints = on
hot_standby = on
wal_sender_timeout = 5s
wal_receiver_timeout = 5s
wal_retrieve_retry_interval = 300ms
recovery_target_timeline = latest
CONF
    # Reachable by its own socket only until it is complete.
    pg_ctl start --wait --silent -D "$fresh" -o "-F -c listen_addresses=''" -l /dev/null
    psql --quiet --no-psqlrc -v ON_ERROR_STOP=1 -v password="$APP_PASSWORD" -U postgres -d postgres <<'SQL'
CREATE ROLE app LOGIN PASSWORD :'password';
CREATE DATABASE app OWNER app;
CREATE ROLE replicator LOGIN REPLICATION PASSWORD :'password';
-- For rejoin.sh: whether this member is followed, and what pg_rewind asks of its source.
GRANT pg_monitor, pg_checkpoint TO replicator;
GRANT EXECUTE ON FUNCTION pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean), pg_read_binary_file(text),
    pg_read_binary_file(text, bigint, bigint, boolean) TO replicator;
SQL
    pg_ctl stop --wait --silent -D "$fresh" -m fast
    sync -f "$fresh"
    mv "$fresh" "$PGDATA"
    touch "$born"
}

copy_peer() { # until it works: the peer may not be there yet
    until base_backup; do
        say "waiting for $PEER to copy it"
        sleep 0.5
    done
}

must_not_start() { [ -e "$rewinding" ] || { ! is_standby && { peer_is_writable || peer_was_promoted; }; }; }

wait_fenced() {
    say "fenced: $PEER takes the writes now, so PostgreSQL is not started here; rejoin.sh makes this its standby"
    touch "$fenced"
    until is_standby && [ ! -e "$rewinding" ]; do sleep 0.2; done
    rm "$fenced"
    say "rejoined"
}

rm -f "$PGDATA/postmaster.pid" # nothing of an earlier container runs here, and its pid may be somebody else's now
trap 'exit 0' INT TERM
# Left by a container that was killed: its process number is somebody else's now.
rm -f "$fenced" "$PGDATA/postmaster.pid"
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # Only a volume that never held a cluster, with a peer that holds none, gets a new one; else this is to be a copy.
    if [ "$ROLE" = primary ] && [ ! -e "$born" ] && ! peer_has_data; then initialise; else copy_peer; fi
elif [ -e "$outdated" ] && peer_is_writable; then
    copy_peer
elif must_not_start; then
    wait_fenced
fi
trap - INT TERM

conninfo=
if [ -n "$PEER" ]; then
    install -m 600 /dev/null /tmp/pgpass
    printf '*:*:*:*:%s\n' "$APP_PASSWORD" >/tmp/pgpass
    conninfo="host=$PEER user=replicator passfile=/tmp/pgpass application_name=$HOSTNAME connect_timeout=2"
fi
exec postgres -D "$PGDATA" "--primary_conninfo=$conninfo"
