#!/usr/bin/env bash
# Initialises the cluster once, with role and database `app`, then becomes PostgreSQL.
set -euo pipefail
: "${APP_PASSWORD:?set APP_PASSWORD to the password of the role app}"

initialise() {
    local fresh=$PGDATA.new
    rm -rf "$fresh"
    # Files are synced once at the end: the rename makes a half-made cluster impossible.
    initdb --no-sync --username=postgres --auth-local=peer --auth-host=scram-sha-256 --encoding=UTF8 --locale=C -D "$fresh" >/dev/null
    echo 'host all all all scram-sha-256' >>"$fresh/pg_hba.conf"
    # Reachable by its own socket only until it is complete.
    pg_ctl start --wait --silent -D "$fresh" -o "-F -c listen_addresses=''" -l /dev/null
    psql --quiet --no-psqlrc -v ON_ERROR_STOP=1 -v password="$APP_PASSWORD" -d postgres <<'SQL'
CREATE ROLE app LOGIN PASSWORD :'password';
CREATE DATABASE app OWNER app;
SQL
    pg_ctl stop --wait --silent -D "$fresh" -m fast
    sync -f "$fresh"
    mv "$fresh" "$PGDATA"
}

[ -s "$PGDATA/PG_VERSION" ] || initialise
exec postgres -D "$PGDATA" -c listen_addresses=0.0.0.0 -c log_destination=stderr
