# Adds the jobs of a batch that are not in the queue, parents first. It may be cut off at any point: run again it adds the rest and nothing
# else. Which jobs have ended is also read from the journal that they themselves write, so that a cleaned queue is no reason to run them
# again.
#
# PQ_BATCH is the name of the batch, PQ_KEYS a line `INDEX KEY` for each job or pack, PQ_JOBS sh source that calls `job` or `pack` for each.
# PQ_GROUPS is a line `LIMIT NAME` for each group that is to be there, PQ_KEEP are the names (or patterns) of the variables that jobs get,
# PQ_FILES the files that they need (files.sh), PQ_ITEMS the items of packs (pack.sh). With PQ_REPLACE=1 a job that has another definition
# is added in the place of the one that is there. Where more than PQ_MANY jobs of the batch have succeeded, they are removed first. After
# PQ_LIMIT seconds all is given up.
#
# Prints the reply line, a line `WHAT INDEX DETAIL` for each job (read_outcomes in batch.py), and `end`.
: "${PQ_BATCH:?}" "${PQ_KEYS:?}" "${PQ_JOBS:?}" "${PQ_GROUPS?}" "${PQ_KEEP:?}" "${PQ_REPLACE?}" "${PQ_MANY:?}" "${PQ_LIMIT:?}"

. queues/pueue/sh/lib/head.sh
. queues/sh/lib/lock.sh
. queues/sh/lib/path.sh
. queues/pueue/sh/lib/files.sh
. queues/pueue/sh/lib/batch.sh
. queues/pueue/sh/lib/pack.sh

{
    lock
    # A daemon that hangs is given up with all. What watches over that sleeps in short turns: whoever ends it cannot end its sleep too, as a
    # signal may come before that is a program of its own.
    (
        pq_turns=0
        while [ "$pq_turns" -lt "$PQ_LIMIT" ]; do
            sleep 1
            kill -0 $$ || exit
            pq_turns=$((pq_turns + 1))
        done
        kill $$
    ) >/dev/null 2>&1 </dev/null 9>&- &
    pq_watchdog=$!
    pq_folder=$HOME/.local/share/pueue-skill/batches
    pq_scratch=$pq_folder/.$PQ_BATCH.$$
    trap 'rm -f "$pq_scratch".*; kill "$pq_watchdog" 2>/dev/null' EXIT
    trap 'exit 129' HUP INT TERM PIPE
    (umask 077 && mkdir -p "$pq_folder") || exit 74
    pq_journal=$pq_folder/$PQ_BATCH
    { touch "$pq_journal" && [ -f "$pq_journal" ]; } || exit 74
    forget_environment
    # By cat, which says why it cannot write: the printf of dash only says "I/O error".
    printf '%s\n' "$PQ_KEYS" | cat >"$pq_scratch.keys" || exit 74
    look_at_queue
    echo 'pueue-skill reply'
    printf '%s\n' "$PQ_GROUPS" | while read -r pq_limit pq_group; do
        if [ -n "$pq_group" ] && ! grep -qF "\"$pq_group\":{\"status\"" "$pq_scratch.status"; then
            ask group add --parallel "$pq_limit" -- "$pq_group" >/dev/null 2>&1
        fi
    done
    put_files || exit 74
    if [ -n "$PQ_ITEMS" ]; then make_units; fi
    eval "$PQ_JOBS"
    flush
    echo end
}
