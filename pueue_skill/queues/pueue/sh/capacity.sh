# Prints the reply line, how many bytes of memory the machine has, and the end line.

echo 'pueue-skill reply'
awk '/^MemTotal:/ { print $2 * 1024 }' /proc/meminfo 2>/dev/null || sysctl -n hw.memsize
echo 'pueue-skill end'
