# `job` submits one job of a batch, with the functions around it. Reads PQ_KEEP, PQ_MANY and PQ_REPLACE (batch_submit.sh). $pq_journal is
# the journal of the batch, with lines `ended KEY CODE ...`. Files that begin with $pq_scratch are removed at the end of the script: .keys
# has a line `INDEX KEY` for each job, .status the answer of the queue, .queue the lines of it that are used here.
# shellcheck disable=SC2154 # the script that includes this sets pq_journal and pq_scratch
: "${PQ_KEEP:?}" "${PQ_MANY:?}" "${PQ_REPLACE?}"

# pueue stores the environment of the submitter: unsets the variables that jobs do not get.
forget_environment() {
    for pq_name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
        is_kept "$pq_name" || unset "$pq_name" 2>/dev/null
    done
}
is_kept() {
    set -f
    for pq_pattern in $PQ_KEEP; do
        # shellcheck disable=SC2254 # a pattern
        case $1 in
            $pq_pattern)
                set +f
                return 0
                ;;
        esac
    done
    set +f
    return 1
}

# queue SUFFIX: prints the ids, keys and results of tasks. In pueue's JSON the id of a task precedes its key, and only a task begins with an
# unescaped "id".
queue() {
    ask status --json >"$pq_scratch.status$1" || return
    grep -o '"id":[0-9]*,\|PUEUE_SKILL_KEY=[A-Za-z0-9:_.@+-]*\|"result":"Success"' "$pq_scratch.status$1"
}

# Sets for each job that has them: pq_id_INDEX, the id of its task; pq_was_INDEX, the id of a task with an earlier definition of the job;
# pq_ended_INDEX, its exit code. Keys end in `:` and a digest of the definition.
read_tasks() {
    queue '' >"$pq_scratch.queue" || {
        if [ "$?" = 101 ]; then exit 74; fi # pueue panics when it cannot write
        [ -s "$pq_scratch.status" ] || exit 69
    }
    # pueue writes its whole state at each change. So succeeded jobs of this batch are removed from a long queue; their exit codes are in
    # the journal.
    pq_succeeded=$(awk -v journal="$pq_journal" '
        FILENAME == journal {
            if ($1 == "ended" && $2 in done) code[$2] = $3
            next
        }
        /^"id":/ { id = $0; gsub(/[^0-9]/, "", id); key = "" }
        /^PUEUE/ { key = substr($0, 17) }
        /^"result"/ && key != "" { done[key] = id }
        END { for (key in code) if (code[key] == 0) print done[key] }
    ' "$pq_scratch.queue" "$pq_journal")
    if [ "$(echo "$pq_succeeded" | wc -l)" -ge "$PQ_MANY" ]; then
        # shellcheck disable=SC2086 # one word per id
        ask remove $pq_succeeded >/dev/null 2>&1
        queue '' >"$pq_scratch.queue"
    fi
    eval "$(awk -v keys="$pq_scratch.keys" -v journal="$pq_journal" '
        FILENAME == keys { job[$2] = $1; name = $2; sub(/:[^:]*$/, "", name); index_of[name] = $1; next }
        FILENAME != journal {
            if ($0 ~ /^"id":/) { id = $0; gsub(/[^0-9]/, "", id); next }
            if ($0 !~ /^PUEUE/) next
            key = substr($0, 17)
            if (key in job) task[job[key]] = id
            else { name = key; sub(/:[^:]*$/, "", name); if (name in index_of) was[index_of[name]] = id }
            next
        }
        $1 == "ended" && $2 in job { ended[job[$2]] = $3 }
        END {
            for (i in task) print "pq_id_" i "=" task[i]
            for (i in was) if (!(i in task)) print "pq_was_" i "=" was[i]
            for (i in ended) if (!(i in task)) print "pq_ended_" i "=" ended[i]
        }
    ' "$pq_scratch.keys" "$pq_scratch.queue" "$pq_journal")"
    pq_adding='' pq_count=0
    : >"$pq_scratch.added"
}

# job INDEX KEY "INDEX..." WORD...: adds a job unless it is in the queue. The indices are its dependencies, the words those of `pueue add`.
job() {
    pq_index=$1 pq_key=$2
    eval "pq_id=\${pq_id_$1-} pq_was=\${pq_was_$1-} pq_ended=\${pq_ended_$1-}"
    if [ -n "$pq_id" ]; then
        echo "old $pq_index $pq_id"
        return
    fi
    if [ -n "$pq_was" ]; then
        if [ -z "$PQ_REPLACE" ] || ! ask remove "$pq_was" >/dev/null 2>&1; then
            eval "pq_id_$pq_index=$pq_was"
            echo "changed $pq_index $pq_was"
            return
        fi
    elif [ -n "$pq_ended" ]; then
        echo "ended $pq_index $pq_ended"
        return
    fi
    parents "$pq_index" "$3" || return 0
    shift 3
    # shellcheck disable=SC2086 # one word per id
    add "$pq_index" "$pq_key" $pq_after "$@" &
    add_started
}

# parents INDEX "INDEX...": leaves the option --after with the ids of a job's dependencies in $pq_after. Prints `held` and fails if one of
# these has failed. Several adds run at once, but never a job and its dependency.
parents() {
    pq_after=''
    for pq_parent in $2; do
        eval "pq_id=\${pq_id_$pq_parent-} pq_ended=\${pq_ended_$pq_parent-}"
        if [ -z "$pq_id$pq_ended" ] && [ -n "$pq_adding" ]; then
            flush
            eval "pq_id=\${pq_id_$pq_parent-}"
        fi
        if [ -n "$pq_id" ]; then
            pq_after="$pq_after $pq_id"
        elif [ "$pq_ended" != 0 ]; then
            echo "held $1 $pq_parent"
            return 1
        fi
    done
    pq_after=${pq_after:+--after $pq_after}
}
add_started() {
    pq_adding="$pq_adding $!" pq_count=$((pq_count + 1))
    [ "$pq_count" -lt 8 ] || flush
}

# add INDEX KEY WORD...
add() {
    pq_index=$1 pq_key=$2
    shift 2
    if pq_id=$("$pq_pueue" add --print-task-id "$@" </dev/null 2>"$pq_scratch.errors$pq_key"); then :; else
        # An add that failed may have added the job.
        pq_id=$(queue "$pq_key" | awk -v key="PUEUE_SKILL_KEY=$pq_key" '/^"id":/ { id = $0; gsub(/[^0-9]/, "", id) } $0 == key { print id; exit }')
    fi
    if [ -n "$pq_id" ]; then
        echo "new $pq_index $pq_id"
    else echo "failed $pq_index $(tr '\n' ' ' <"$pq_scratch.errors$pq_key")"; fi >>"$pq_scratch.added"
    rm -f "$pq_scratch.errors$pq_key" "$pq_scratch.status$pq_key"
}

# flush: waits for the running adds, and reads their ids.
flush() {
    # shellcheck disable=SC2086 # one word per process
    [ -z "$pq_adding" ] || wait $pq_adding
    pq_adding='' pq_count=0
    while read -r pq_result pq_added pq_detail; do
        echo "$pq_result $pq_added $pq_detail"
        if [ "$pq_result" = new ]; then eval "pq_id_$pq_added=\"\${pq_id_$pq_added-} $pq_detail\""; fi
    done <"$pq_scratch.added"
    : >"$pq_scratch.added"
}
