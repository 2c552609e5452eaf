# Prints 0 if no file matches the pattern PQ_PATTERN (`~/` is the home; a folder stands for the files in it). Otherwise prints a line of five
# numbers (count, total bytes, current time, time and bytes of the newest file), the newest file's path, and its first PQ_BYTES bytes.
: "${PQ_PATTERN?}" "${PQ_BYTES:?}"

case $PQ_PATTERN in \~/*) PQ_PATTERN=$HOME/${PQ_PATTERN#\~/} ;; esac
if [ -d "$PQ_PATTERN" ]; then PQ_PATTERN="$PQ_PATTERN/*"; fi
if stat -c %s / >/dev/null 2>&1; then
    pq_size='stat -c %s' pq_time='stat -c %Y'
else
    pq_size='stat -f %z' pq_time='stat -f %m'
fi
# File names are never parsed: the shell finds the newest file, and awk adds up lines of numbers.
IFS=''
# shellcheck disable=SC2086 # a pattern
set -- $PQ_PATTERN
IFS=' '
pq_count=0 pq_newest=''
for pq_file; do
    [ -f "$pq_file" ] || continue
    pq_count=$((pq_count + 1))
    # shellcheck disable=SC3013 # all shells that a host may have know -nt
    if [ -z "$pq_newest" ] || [ "$pq_file" -nt "$pq_newest" ]; then pq_newest=$pq_file; fi
done
if [ "$pq_count" = 0 ]; then
    echo 0
    exit 0
fi
# shellcheck disable=SC2086 # words
pq_total=$(for pq_file; do if [ -f "$pq_file" ]; then printf '%s\0' "$pq_file"; fi; done |
    xargs -0 $pq_size | awk '{ total += $1 } END { printf "%.0f", total }')
echo "$pq_count $pq_total $(date +%s) $($pq_time "$pq_newest") $($pq_size "$pq_newest")"
printf '%s' "$pq_newest" | tr '\n' ' '
echo
head -c "$PQ_BYTES" "$pq_newest"
