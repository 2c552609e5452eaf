# Carries out steps on a host, unless it is no longer as it was when provision_look.sh gave it PQ_MARK: then it exits 75. PQ_STEPS is sh
# source that defines and runs each (provision_steps.sh); what comes with them is printed by a function `send` that stands before this
# script. Prints the reply line, lines of the steps, and `whole` at the end.
: "${PQ_MARK:?}" "${PQ_STEPS?}"

. queues/pueue/sh/lib/provision.sh
. queues/pueue/sh/lib/provision_record.sh
. queues/pueue/sh/lib/provision_steps.sh

{
    take_record
    echo 'pueue-skill reply'
    if [ "$(mark "$(look)")" != "$PQ_MARK" ]; then exit 75; fi
    eval "$PQ_STEPS"
    echo whole
}
