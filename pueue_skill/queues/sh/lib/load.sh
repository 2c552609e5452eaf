# `load` prints the load average of the host over the last minute; nothing if uptime does not print it.

load() {
    LC_ALL=C uptime 2>/dev/null | sed -n 's/^.*load averages\{0,1\}: *\([0-9.]*\).*/\1/p'
}
