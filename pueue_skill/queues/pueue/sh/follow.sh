# Prints the reply line, then until the job PQ_ID is done its new output and states: frames (frames.sh) `output` from byte PQ_OFFSET on;
# frames `error` from byte PQ_ERRORS_OFFSET on of PQ_ERRORS, the path of its stderr relative to the home (empty: stderr is in the output);
# and a line `state JSON` whenever the state has changed. It reads the state before the output, so that the output of a done job is
# complete.
: "${PQ_ID:?}" "${PQ_OFFSET:?}" "${PQ_ERRORS?}" "${PQ_ERRORS_OFFSET:?}"

. queues/pueue/sh/lib/head.sh
. queues/sh/lib/frames.sh
. queues/sh/lib/pause.sh

pq_offset=$PQ_OFFSET pq_errors_offset=$PQ_ERRORS_OFFSET pq_last='' pq_turns=0
echo 'pueue-skill reply'
while :; do
    pq_state=$(ask log --json --lines 0 "$PQ_ID") || exit 69
    frame output "$pq_data/task_logs/$PQ_ID.log" "$pq_offset"
    pq_offset=$pq_size
    if [ -n "$PQ_ERRORS" ]; then
        frame error "$HOME/$PQ_ERRORS" "$pq_errors_offset"
        pq_errors_offset=$pq_size
    fi
    if [ "$pq_state" != "$pq_last" ]; then printf 'state %s\n' "$pq_state"; fi
    case $pq_state in
        *'"Done":'* | '{}') exit 0 ;;
        # Many jobs may be queued, so their scripts ask less often until the job starts.
        *'"Queued":'*) if [ "$pq_turns" -ge 10 ]; then pq_turns=100; fi ;;
        *) if [ "$pq_state" != "$pq_last" ]; then pq_turns=0; fi ;;
    esac
    pq_last=$pq_state
    pause
done
