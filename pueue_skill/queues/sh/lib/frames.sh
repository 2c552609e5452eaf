# `frame NAME FILE OFFSET` prints a line `NAME OFFSET LENGTH` and what FILE holds from there on; nothing where it holds no more. Leaves
# in $pq_size where the next frame begins. Exits 65 where the frame came out short.
#
# A job that is started once more, in place, empties its file: what that holds then is new from its beginning.

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
