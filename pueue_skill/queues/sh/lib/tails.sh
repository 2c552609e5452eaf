# `tails ID OUTPUT ERRORS` prints a line `tail ID`; the last PQ_COUNT bytes of the file OUTPUT, then of the file ERRORS (an empty name: none), in
# base64; and a line with a dot. A length in front would be wrong by the time the file is read, because a running job writes more.
: "${PQ_COUNT:?}"

tails() {
    echo "tail $1"
    {
        tail -c "$PQ_COUNT" "$2"
        if [ -n "$3" ]; then tail -c "$PQ_COUNT" "$3"; fi
    } 2>/dev/null | base64
    echo .
}
