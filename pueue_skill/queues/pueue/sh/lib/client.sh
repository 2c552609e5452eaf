# The client of pueue: leaves its path in $pq_pueue (find.sh), exits 127 without one. `ask WORD...` calls it, for at most $pq_timeout_s
# seconds (20). Exports XDG_RUNTIME_DIR where the daemon answers only with it.

. queues/pueue/sh/lib/find.sh

find_client
if [ -z "$pq_pueue" ]; then
    echo "no pueue on this host: looked for $pq_looked" >&2
    exit 127
fi
# A daemon that hangs must not hang its callers.
ask() {
    if command -v timeout >/dev/null; then timeout "${pq_timeout_s:-20}" "$pq_pueue" "$@" </dev/null; else "$pq_pueue" "$@" </dev/null; fi
}
# Without XDG_RUNTIME_DIR (cron, some ssh servers) the client looks for the daemon's socket in the wrong place.
if [ -z "${XDG_RUNTIME_DIR-}" ] && [ -d "/run/user/$(id -u)" ] && ! ask group >/dev/null 2>&1; then
    XDG_RUNTIME_DIR="/run/user/$(id -u)"
    export XDG_RUNTIME_DIR
fi
