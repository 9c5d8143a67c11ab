#!/usr/bin/env bash
# Makes this standby the primary and ends when it takes writes. Twice is the same as once.
source /srv/db/member.sh
[ "$(here 'SELECT pg_is_in_recovery()')" = t ] || { say "takes writes already"; exit 0; }
! peer_is_writable || fail "$PEER takes writes; stop it first: two members must never take them"
[ "$(here 'SELECT pg_promote(true, 8)')" = t ] || fail "not promoted within 8 s"
say "takes writes now"
