# Follows the job PQ_ID until it ends. Prints the reply line; frames (frames.sh) of new output: `output`, from byte PQ_OFFSET on and, with
# PQ_APART=1, `error` for stderr, from PQ_ERRORS_OFFSET on; and a line `state RECORDS` whenever the state changes: the records of the job
# (job.sh), each ended by the character 036. Each round reads the state before the output, so that the output is complete at the end.
: "${PQ_ID:?}" "${PQ_OFFSET:?}" "${PQ_APART?}" "${PQ_ERRORS_OFFSET:?}"

. queues/slurm/sh/lib/site.sh
. queues/slurm/sh/lib/job.sh
. queues/sh/lib/frames.sh
. queues/sh/lib/pause.sh

# Asks Slurm for the job, but not in every round. Sets $pq_line to its line, empty if Slurm has forgotten it, and $pq_done if it has ended.
ask_for_line() {
    if [ "$pq_turns" -lt "$pq_next" ]; then return; fi
    pq_line=$(queue --jobs="$PQ_ID" 2>"$pq_data/error.$$") || give_up
    if [ -s "$pq_data/error.$$" ] && ! grep -qi 'invalid job id' "$pq_data/error.$$"; then give_up; fi
    rm -f "$pq_data/error.$$"
    if printf '%s\n' "$pq_line" | grep -Eq "^job\|[^|]*\|($pq_ended_states)\|"; then pq_done=1; fi
    if [ "$pq_turns" -lt 20 ]; then pq_next=$((pq_turns + 4)); elif [ "$pq_turns" -lt 100 ]; then pq_next=$((pq_turns + 10)); else pq_next=$((pq_turns + 20)); fi
}
give_up() {
    cat "$pq_data/error.$$" >&2
    rm -f "$pq_data/error.$$"
    exit 69
}
pq_offset=$PQ_OFFSET pq_errors_offset=$PQ_ERRORS_OFFSET pq_last='' pq_line='' pq_done='' pq_turns=0 pq_next=0
echo 'pueue-skill reply'
pq_attempt=$(attempt "$PQ_ID")
while :; do
    pq_end=$(ends "$PQ_ID")
    # The job's exit record is a file, which costs less than asking Slurm. After a signal, which Slurm may have sent, only Slurm knows why.
    case $pq_end in *'|137|'* | *'|143|'*) pq_recorded='' ;; *) pq_recorded=$pq_end ;; esac
    if [ -z "$pq_recorded" ]; then ask_for_line; fi
    pq_state=$(printf '%s\n' "$pq_attempt" "$pq_end" "$pq_line" | tr '\n' '\036')
    frame output "$pq_data/jobs/$PQ_ID.out" "$pq_offset"
    pq_offset=$pq_size
    if [ -n "$PQ_APART" ]; then
        frame error "$pq_data/jobs/$PQ_ID.err" "$pq_errors_offset"
        pq_errors_offset=$pq_size
    fi
    if [ "$pq_state" != "$pq_last" ]; then printf 'state %s\n' "$pq_state"; fi
    pq_last=$pq_state
    if [ -n "$pq_recorded" ] || [ -z "$pq_line" ] || [ -n "$pq_done" ]; then exit 0; fi
    pause
done
