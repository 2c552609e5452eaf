# What a submission of a batch does with one job: `job` and what it needs. Reads PQ_KEEP, PQ_MANY and PQ_REPLACE (batch_submit.sh). In
# $pq_journal is the journal of the batch: lines `ended KEY CODE ...`. Files that begin with $pq_scratch go with the script: .keys holds a
# line `INDEX KEY` for each job, .status what the queue has answered, .queue the lines of it that are read here.
# shellcheck disable=SC2154 # the script that includes this sets pq_journal and pq_scratch
: "${PQ_KEEP:?}" "${PQ_MANY:?}" "${PQ_REPLACE?}"

# A queue keeps the environment of whoever submits: what jobs are not to get is unset.
forget_environment() {
    for pq_name in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
        kept "$pq_name" || unset "$pq_name" 2>/dev/null
    done
}
kept() {
    set -f
    for pq_pattern in $PQ_KEEP; do
        # shellcheck disable=SC2254 # it is a pattern
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

# queue SUFFIX: asks for the state of the queue. A task's id stands before its key in pueue's JSON, where nothing but a task begins with an
# unescaped "id".
queue() {
    ask status --json >"$pq_scratch.status$1" || return
    grep -o '"id":[0-9]*,\|PUEUE_SKILL_KEY=[A-Za-z0-9:_.@+-]*\|"result":"Success"' "$pq_scratch.status$1"
}

# Leaves of the job of each index, as far as they are known: pq_id_INDEX the id of its task, pq_was_INDEX that of a task of an earlier
# definition of it, pq_ended_INDEX the exit code with which it has ended. Keys end in `:` and a digest of the definition.
look_at_queue() {
    queue '' >"$pq_scratch.queue" || {
        if [ "$?" = 101 ]; then exit 74; fi # pueue panics when it cannot write
        [ -s "$pq_scratch.status" ] || exit 69
    }
    # pueue writes all of its state whenever something changes: of a long queue, jobs of this batch that have succeeded are removed. Their
    # ends stand in the journal.
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
        # shellcheck disable=SC2086 # a word an id
        ask remove $pq_succeeded >/dev/null 2>&1
        queue '' >"$pq_scratch.queue"
    fi
    eval "$(awk -v keys="$pq_scratch.keys" -v journal="$pq_journal" '
        FILENAME == keys { at[$2] = $1; name = $2; sub(/:[^:]*$/, "", name); place[name] = $1; next }
        FILENAME != journal {
            if ($0 ~ /^"id":/) { id = $0; gsub(/[^0-9]/, "", id); next }
            if ($0 !~ /^PUEUE/) next
            key = substr($0, 17)
            if (key in at) there[at[key]] = id
            else { name = key; sub(/:[^:]*$/, "", name); if (name in place) was[place[name]] = id }
            next
        }
        $1 == "ended" && $2 in at { ended[at[$2]] = $3 }
        END {
            for (i in there) print "pq_id_" i "=" there[i]
            for (i in was) if (!(i in there)) print "pq_was_" i "=" was[i]
            for (i in ended) if (!(i in there)) print "pq_ended_" i "=" ended[i]
        }
    ' "$pq_scratch.keys" "$pq_scratch.queue" "$pq_journal")"
    pq_adding='' pq_count=0
    : >"$pq_scratch.added"
}

# job INDEX KEY "INDEX..." WORD...: adds a job unless it is there. The words are those of `pueue add`, the indices its parents.
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
    # shellcheck disable=SC2086 # words
    add "$pq_index" "$pq_key" $pq_after "$@" &
    started
}

# parents INDEX "INDEX...": leaves the words for what a job comes after in $pq_after; fails, and says so, when that cannot be. Several adds
# are under way at once, but never one that comes after another of them.
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
started() {
    pq_adding="$pq_adding $!" pq_count=$((pq_count + 1))
    [ "$pq_count" -lt 8 ] || flush
}

# add INDEX KEY WORD...
add() {
    pq_index=$1 pq_key=$2
    shift 2
    if pq_id=$("$pq_pueue" add --print-task-id "$@" </dev/null 2>"$pq_scratch.errors$pq_key"); then :; else
        # An add that failed may have added.
        pq_id=$(queue "$pq_key" | awk -v key="PUEUE_SKILL_KEY=$pq_key" '/^"id":/ { id = $0; gsub(/[^0-9]/, "", id) } $0 == key { print id; exit }')
    fi
    if [ -n "$pq_id" ]; then
        echo "new $pq_index $pq_id"
    else echo "failed $pq_index $(tr '\n' ' ' <"$pq_scratch.errors$pq_key")"; fi >>"$pq_scratch.added"
    rm -f "$pq_scratch.errors$pq_key" "$pq_scratch.status$pq_key"
}

# flush: waits for the adds that are under way, and takes up their ids.
flush() {
    # shellcheck disable=SC2086 # a word a process
    [ -z "$pq_adding" ] || wait $pq_adding
    pq_adding='' pq_count=0
    while read -r pq_what pq_place pq_rest; do
        echo "$pq_what $pq_place $pq_rest"
        if [ "$pq_what" = new ]; then eval "pq_id_$pq_place=\"\${pq_id_$pq_place-} $pq_rest\""; fi
    done <"$pq_scratch.added"
    : >"$pq_scratch.added"
}
