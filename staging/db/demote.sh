#!/usr/bin/env bash
# Ends this primary in good order, its standby having got everything, so that it comes back as a standby: the container
# stops, and is to be started again. Twice is the same as once.
source /srv/db/member.sh
[ "$(here 'SELECT pg_is_in_recovery()')" = f ] || { say "is a standby already"; exit 0; }
touch "$PGDATA/standby.signal"
sync -f "$PGDATA"
exec pg_ctl stop --wait --silent -D "$PGDATA" -m fast
