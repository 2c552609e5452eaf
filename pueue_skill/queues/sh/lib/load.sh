# `load` prints the load of the machine over the last minute; nothing where uptime does not say it.

load() {
    LC_ALL=C uptime 2>/dev/null | sed -n 's/^.*load averages\{0,1\}: *\([0-9.]*\).*/\1/p'
}
