# `take FILE` writes the stdin that follows the script to FILE, completely or not at all, up to nine tenths of the free space. The last line of
# stdin, which is not written, is `pueue-skill end PQ_KEY`; without it the connection was cut. Fails with the reason on stderr. The file of
# $pq_part is removed when the script ends.
# shellcheck disable=SC2154 # the script that includes this sets pq_part
: "${PQ_KEY:?}"

take() {
    # `ulimit` counts blocks of 512 bytes, and so does pq_room.
    pq_room=$(df -Pk "${1%/*}" | awk 'NR == 2 { printf "%.0f", $4 * 1.8 }')
    trap 'rm -f "$pq_part"' EXIT
    trap 'exit 1' HUP INT TERM PIPE
    (
        umask 077
        ulimit -f "$pq_room"
        cat >"$1"
    )
    pq_end="pueue-skill end $PQ_KEY"
    pq_size=$(($(wc -c <"$1") - ${#pq_end} - 1))
    if tail -c "$((${#pq_end} + 1))" "$1" | grep -qxF "$pq_end"; then
        dd if=/dev/null of="$1" bs=1 seek="$pq_size" 2>/dev/null
    elif [ "$((pq_size / 512 + 1))" -ge "$pq_room" ]; then
        echo "stdin is longer than $((pq_room / 2)) KiB, nine tenths of the free space" >&2
        return 1
    else
        echo "stdin was cut off" >&2
        return 1
    fi
}
