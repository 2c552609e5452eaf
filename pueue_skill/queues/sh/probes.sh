# Runs probes one after the other, each by a sh of its own, within its own time and size. Reads four arguments a probe: its name, its
# seconds, its bytes, its sh text. Prints the reply line's words, then for each probe, each after a newline, `PQ_MARK part NAME`, a newline,
# what it wrote on both outputs, and `PQ_MARK code N` unless it was cut off.
: "${PQ_MARK:?}"

exec 2>/dev/null
# timeout is of GNU and of busybox; macOS has perl. What runs out of time is killed with all that it started, but for what has made
# itself independent: that is no longer listened to.
limited() {
    if command -v timeout >/dev/null; then
        timeout -s KILL "$@"
    elif command -v perl >/dev/null; then
        # shellcheck disable=SC2016 # the variables are perl's
        perl -e '$limit = shift; unless ($child = fork) { setpgrp; exec @ARGV; exit 127 }
            $SIG{ALRM} = sub { kill KILL => -$child; exit 137 }; alarm $limit; waitpid $child, 0; exit($? & 127 ? 128 + ($? & 127) : $? >> 8)' "$@"
    else
        shift
        "$@"
    fi
}
probe() {
    printf '\n%s part %s\n' "$PQ_MARK" "$1"
    {
        limited "$2" sh -c "$4" </dev/null 2>&1
        printf '\n%s code %s' "$PQ_MARK" "$?"
    } | limited "$(($2 + 2))" head -c "$3"
}
printf %s 'pueue-skill reply'
while [ "$#" -gt 0 ]; do
    probe "$1" "$2" "$3" "$4"
    shift 4
done
