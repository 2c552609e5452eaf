# Runs probes in order, each in a separate sh, with a timeout and a limit on its output. Reads four arguments for each probe: its name,
# its timeout in seconds, its limit in bytes, its sh text. Prints the words of the reply line, then for each probe, each after a newline,
# `PQ_MARK part NAME`, a newline, the probe's stdout and stderr, and `PQ_MARK code N` unless these were cut off.
: "${PQ_MARK:?}"

exec 2>/dev/null
# timeout is part of GNU coreutils and busybox; macOS has perl. On a timeout the probe is killed with its process group. Processes that
# left the group survive, but their output is no longer read.
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
