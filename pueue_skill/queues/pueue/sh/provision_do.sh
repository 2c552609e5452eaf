# Carries out steps on a host, unless it is no longer as it was when provision_look.sh gave it PQ_MARK: then it exits 75. The script's
# arguments are, for each step, its name and the call of its function (provision_steps.sh) as sh source. Prints the reply line, for each step
# a line `step NAME` before it and `end NAME CODE` after it, until one fails, and `whole` after the last. What steps print goes to stderr.
: "${PQ_MARK:?}"

. queues/pueue/sh/lib/provision.sh
. queues/pueue/sh/lib/provision_record.sh
. queues/pueue/sh/lib/provision_steps.sh

call() (
    set -e
    eval "$1"
)
{
    take_record
    echo 'pueue-skill reply'
    if [ "$(mark "$(look)")" != "$PQ_MARK" ]; then exit 75; fi
    while [ "$#" -gt 0 ]; do
        printf 'step %s\n' "$1"
        call "$2" >&2 </dev/null # in no condition, for there set -e does not hold
        status=$?
        printf 'end %s %s\n' "$1" "$status"
        if [ "$status" != 0 ]; then exit 1; fi
        shift 2
    done
    echo whole
}
