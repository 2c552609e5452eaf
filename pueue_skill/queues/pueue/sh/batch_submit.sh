# Adds the jobs of a batch that are not in the queue, dependencies first. It may be cut off at any point: the next run adds the rest and
# nothing else. Jobs record their exit codes in the journal of the batch, so jobs that were removed from the queue do not run again.
#
# PQ_BATCH is the name of the batch, PQ_KEYS a line `INDEX KEY` for each job or pack, PQ_JOBS sh source that calls `job` or `pack` for each.
# PQ_GROUPS are the groups to create (groups.sh), PQ_KEEP the names or patterns of the variables for jobs, PQ_FILES the files of
# jobs (files.sh), PQ_ITEMS the items of packs (pack.sh). With PQ_REPLACE=1 a job replaces the queued job of the same name that has another
# definition. Once PQ_MANY jobs of the batch have succeeded, they are removed first. After PQ_LIMIT seconds the script gives up.
#
# Prints the reply line, a line `WHAT INDEX DETAIL` for each job (read_outcomes in batch.py), and `end`.
: "${PQ_BATCH:?}" "${PQ_KEYS:?}" "${PQ_JOBS:?}" "${PQ_KEEP:?}" "${PQ_REPLACE?}" "${PQ_MANY:?}" "${PQ_LIMIT:?}"

. queues/pueue/sh/lib/head.sh
. queues/sh/lib/lock.sh
. queues/sh/lib/path.sh
. queues/pueue/sh/lib/files.sh
. queues/pueue/sh/lib/groups.sh
. queues/pueue/sh/lib/batch.sh
. queues/pueue/sh/lib/pack.sh

{
    lock
    # The watchdog ends the script if the daemon hangs. It sleeps for one second at a time, as killing it does not kill its sleep: the
    # signal may come before sleep is a separate process.
    (
        pq_seconds=0
        while [ "$pq_seconds" -lt "$PQ_LIMIT" ]; do
            sleep 1
            kill -0 $$ || exit
            pq_seconds=$((pq_seconds + 1))
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
    # cat reports why it cannot write; printf of dash reports only "I/O error".
    printf '%s\n' "$PQ_KEYS" | cat >"$pq_scratch.keys" || exit 74
    read_tasks
    echo 'pueue-skill reply'
    add_groups <"$pq_scratch.status"
    put_files || exit 74
    if [ -n "$PQ_ITEMS" ]; then make_units; fi
    eval "$PQ_JOBS"
    flush
    echo end
}
