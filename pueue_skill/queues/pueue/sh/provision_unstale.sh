# Removes the process id of a daemon that is gone from the file PQ_FILE: after a crash it may be another program's by now, and then no daemon
# would start. Each line stands alone, so that a unit or an agent may have them on one.
: "${PQ_FILE:?}"

# shellcheck disable=SC2015 # it is removed whenever it is no daemon's
pq_pid=$(cat "$PQ_FILE" 2>/dev/null) && { cat "/proc/$pq_pid/comm" 2>/dev/null || ps -o comm= -p "$pq_pid"; } | grep -q pueued || rm -f "$PQ_FILE"
