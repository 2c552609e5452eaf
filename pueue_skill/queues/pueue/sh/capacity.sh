# Prints the reply line, the memory of the host in bytes, and the end line.

echo 'pueue-skill reply'
awk '/^MemTotal:/ { print $2 * 1024 }' /proc/meminfo 2>/dev/null || sysctl -n hw.memsize
echo 'pueue-skill end'
