# Prints the reply line, then until the job PQ_ID has ended what is new of its output and of its state: frames (frames.sh) `output`, from byte
# PQ_OFFSET on, and with PQ_APART=1 `error`, from PQ_ERRORS_OFFSET on, and a line `state RECORDS` whenever the state has changed: what is known
# of the job (job.sh), each line ended by the character 036. The state is read before the output, so that all of that is there at the end.
: "${PQ_ID:?}" "${PQ_OFFSET:?}" "${PQ_APART?}" "${PQ_ERRORS_OFFSET:?}"

. queues/slurm/sh/lib/site.sh
. queues/slurm/sh/lib/job.sh
. queues/sh/lib/frames.sh
. queues/sh/lib/pause.sh

# Asks Slurm for the job, unless it was asked just now: leaves its line in $pq_line, empty when Slurm has forgotten it, and whether it has
# ended in $pq_done.
ask_for_line() {
    if [ "$pq_turns" -lt "$pq_next" ]; then return; fi
    pq_line=$(queue --jobs="$PQ_ID" 2>"$pq_data/said.$$") || gives_up
    if [ -s "$pq_data/said.$$" ] && ! grep -qi 'invalid job id' "$pq_data/said.$$"; then gives_up; fi
    rm -f "$pq_data/said.$$"
    if printf '%s\n' "$pq_line" | grep -Eq "^job\|[^|]*\|($pq_ended_states)\|"; then pq_done=1; fi
    if [ "$pq_turns" -lt 20 ]; then pq_next=$((pq_turns + 4)); elif [ "$pq_turns" -lt 100 ]; then pq_next=$((pq_turns + 10)); else pq_next=$((pq_turns + 20)); fi
}
gives_up() {
    cat "$pq_data/said.$$" >&2
    rm -f "$pq_data/said.$$"
    exit 69
}
pq_offset=$PQ_OFFSET pq_errors_offset=$PQ_ERRORS_OFFSET pq_last='' pq_line='' pq_done='' pq_turns=0 pq_next=0
echo 'pueue-skill reply'
pq_attempt=$(attempt "$PQ_ID")
while :; do
    pq_end=$(ends "$PQ_ID")
    # The job's own word comes through the file system; Slurm is asked less often.
    # What a signal has ended may have been ended by Slurm, whose word then says why.
    case $pq_end in *'|137|'* | *'|143|'*) pq_own='' ;; *) pq_own=$pq_end ;; esac
    if [ -z "$pq_own" ]; then ask_for_line; fi
    pq_state=$(printf '%s\n' "$pq_attempt" "$pq_end" "$pq_line" | tr '\n' '\036')
    frame output "$pq_data/jobs/$PQ_ID.out" "$pq_offset"
    pq_offset=$pq_size
    if [ -n "$PQ_APART" ]; then
        frame error "$pq_data/jobs/$PQ_ID.err" "$pq_errors_offset"
        pq_errors_offset=$pq_size
    fi
    if [ "$pq_state" != "$pq_last" ]; then printf 'state %s\n' "$pq_state"; fi
    pq_last=$pq_state
    if [ -n "$pq_own" ] || [ -z "$pq_line" ] || [ -n "$pq_done" ]; then exit 0; fi
    pause
done
