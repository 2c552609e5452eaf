# Leaves the path of pueue's client in $pq_pueue (find.sh), or exits with 127. `ask WORD...` calls the client, with a timeout of
# $pq_timeout_s seconds (20). Exports XDG_RUNTIME_DIR if the daemon answers only with it.

. queues/pueue/sh/lib/find.sh

find_client
if [ -z "$pq_pueue" ]; then
    echo "no pueue on this host: looked for $pq_looked" >&2
    exit 127
fi
# Without a timeout a daemon that hangs would block the script.
ask() {
    if command -v timeout >/dev/null; then timeout "${pq_timeout_s:-20}" "$pq_pueue" "$@" </dev/null; else "$pq_pueue" "$@" </dev/null; fi
}
# Without XDG_RUNTIME_DIR (cron, some ssh servers) the client expects the socket of the daemon in another folder.
if [ -z "${XDG_RUNTIME_DIR-}" ] && [ -d "/run/user/$(id -u)" ] && ! ask group >/dev/null 2>&1; then
    XDG_RUNTIME_DIR="/run/user/$(id -u)"
    export XDG_RUNTIME_DIR
fi
