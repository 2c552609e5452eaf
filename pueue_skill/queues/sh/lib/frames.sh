# `frame NAME FILE OFFSET` prints a line `NAME OFFSET LENGTH` and the bytes of FILE from OFFSET on; nothing if there are none. Sets $pq_size to
# the offset of the next frame. Exits 65 if the file became shorter meanwhile.
#
# A job that is restarted in place empties its file: if that is shorter than OFFSET, the frame starts at its beginning.

frame() {
    pq_size=0 pq_from=$3
    if [ -s "$2" ]; then pq_size=$(($(wc -c <"$2"))); fi
    if [ "$pq_size" -lt "$pq_from" ]; then pq_from=0; fi
    if [ "$pq_size" -gt "$pq_from" ]; then
        printf '%s %s %s\n' "$1" "$pq_from" "$((pq_size - pq_from))"
        tail -c "+$((pq_from + 1))" "$2" | head -c "$((pq_size - pq_from))"
        if ! [ -f "$2" ] || [ "$(($(wc -c <"$2")))" -lt "$pq_size" ]; then exit 65; fi
    fi
}
