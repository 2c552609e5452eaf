# Finds the client of pueue. Reads PQ_PUEUE, a path or name that the configuration gives (`~/` is the home), and leaves the client's
# path in $pq_pueue; exits 127 without one. `ask WORD...` calls it, for at most $pq_patience seconds (20). Exports XDG_RUNTIME_DIR where
# the daemon answers only with it.
: "${PQ_PUEUE?}"

case $PQ_PUEUE in \~/*) PQ_PUEUE=$HOME/${PQ_PUEUE#\~/} ;; esac
pq_looked=
# Where installers put it: a bare ssh command has only the system's folders on its PATH.
for pq_pueue in ${PQ_PUEUE:+"$PQ_PUEUE"} pueue ~/.local/bin/pueue ~/.cargo/bin/pueue /opt/homebrew/bin/pueue /usr/local/bin/pueue; do
    pq_looked="$pq_looked, $pq_pueue"
    pq_pueue=$(command -v "$pq_pueue")
    case $pq_pueue in /*) break ;; *) pq_pueue= ;; esac # a relative name is of some project
done
if [ -z "$pq_pueue" ]; then
    echo "no pueue on this host: looked for ${pq_looked#, }" >&2
    exit 127
fi
# A daemon that hangs must not hang its callers.
ask() {
    if command -v timeout >/dev/null; then timeout "${pq_patience:-20}" "$pq_pueue" "$@" </dev/null; else "$pq_pueue" "$@" </dev/null; fi
}
# Without XDG_RUNTIME_DIR (cron, some ssh servers) the client looks for the daemon's socket in the wrong place.
if [ -z "${XDG_RUNTIME_DIR-}" ] && [ -d "/run/user/$(id -u)" ] && ! ask group >/dev/null 2>&1; then
    XDG_RUNTIME_DIR="/run/user/$(id -u)"
    export XDG_RUNTIME_DIR
fi
