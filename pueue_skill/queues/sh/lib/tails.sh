# `tails ID OUTPUT ERRORS` prints a line `tail ID`, the last PQ_COUNT bytes of the file OUTPUT and then of ERRORS (which may be empty) in
# base64, and a line with a dot: a job that runs writes more at any time, so that a length that was asked for first would be another's.
: "${PQ_COUNT:?}"

tails() {
    echo "tail $1"
    {
        tail -c "$PQ_COUNT" "$2"
        if [ -n "$3" ]; then tail -c "$PQ_COUNT" "$3"; fi
    } 2>/dev/null | base64
    echo .
}
