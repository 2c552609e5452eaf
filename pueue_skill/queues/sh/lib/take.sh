# `take FILE` writes to FILE what follows the script on standard input, whole or not at all, for at most nine tenths of the free space.
# The last line of the input, which is left out, is `pueue-skill end PQ_KEY`; without it the connection was cut. Fails with the reason on
# stderr. The file of $pq_part is removed when the script ends.
# shellcheck disable=SC2154 # the script that includes this sets pq_part
: "${PQ_KEY:?}"

take() {
    # `ulimit` counts blocks of 512 bytes, and so does this.
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
        echo "standard input is longer than the $((pq_room / 2)) KiB that it may take of the free space here" >&2
        return 1
    else
        echo "standard input was cut off" >&2
        return 1
    fi
}
