# Runs the work of one job, in the job. PQ_SHELL is bash or login; PQ_WORK the text for its -c option, PQ_FILE the file in jobs/ to run
# instead. With PQ_STDIN=1 the job reads the file of its key, else nothing. PQ_NICE is its niceness.
: "${PQ_KEY:?}" "${PQ_SHELL:?}" "${PQ_WORK?}" "${PQ_FILE?}" "${PQ_STDIN?}" "${PQ_NICE?}"

. queues/slurm/sh/lib/run.sh

begin "$PQ_KEY"
if [ -n "$PQ_NICE" ]; then renice "$PQ_NICE" -p $$ >/dev/null 2>&1; fi
if [ "$PQ_SHELL" = login ]; then PQ_SHELL=$SHELL; fi
if [ -n "$PQ_FILE" ]; then set -- "$pq_data/jobs/$PQ_FILE"; else set -- -c "$PQ_WORK"; fi
pq_stdin=/dev/null
if [ -n "$PQ_STDIN" ]; then pq_stdin=$pq_data/jobs/$PQ_KEY.in; fi
(exec "$PQ_SHELL" "$@" <"$pq_stdin" 2>&3 3>&-)
finish "$?"
