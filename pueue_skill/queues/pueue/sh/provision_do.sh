# Carries out the steps of a setup, unless the host has changed since provision_look.sh printed PQ_MARK: then it exits with 75. Its
# arguments are, for each step, the name and the call of a function of provision_steps.sh as sh source. Prints the reply line; a line
# `step NAME` before each step and `end NAME CODE` after it, up to the first that fails; and `whole` after the last. The output of the
# steps goes to stderr.
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
    if [ "$(mark "$(print_facts)")" != "$PQ_MARK" ]; then exit 75; fi
    while [ "$#" -gt 0 ]; do
        printf 'step %s\n' "$1"
        call "$2" >&2 </dev/null # not in a condition, where set -e has no effect
        status=$?
        printf 'end %s %s\n' "$1" "$status"
        if [ "$status" != 0 ]; then exit 1; fi
        shift 2
    done
    echo whole
}
