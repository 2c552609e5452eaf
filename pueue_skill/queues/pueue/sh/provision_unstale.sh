# Removes PQ_FILE, the PID file of the daemon, if no daemon has that process id: after a crash another program may have it, and then no
# daemon starts. Each line is complete, so that a systemd unit or launchd agent can have them on one line.
: "${PQ_FILE:?}"

# shellcheck disable=SC2015 # removed unless it is a daemon's
pq_pid=$(cat "$PQ_FILE" 2>/dev/null) && { cat "/proc/$pq_pid/comm" 2>/dev/null || ps -o comm= -p "$pq_pid"; } | grep -q pueued || rm -f "$PQ_FILE"
