# Carries out actions on tasks of pueue, or with PQ_GROUP applies the verb PQ_VERB (kill, pause, start) to that group. PQ_WANTED has one
# line per task, `want CALL ID CREATED STATUS KEY DEPENDENCIES`: the call (kill, pause, start, restart, remove ...), the task as it was
# selected, and the ids of its dependencies, with commas between. PQ_CALLS are the calls that occur, in the order in which the script
# makes them.
#
# Prints the reply line; with a restart a line `survivor PID KEY` for each process of a job that still runs (survivors.sh); `files N`, the
# number of files of removed jobs that were removed; the queue before and after, as JSON; and the end line.
#
# pueue reuses ids, so the script skips a task whose creation time or state has changed since it was selected. It takes the lock of
# submissions: so two scripts act one after the other, and files of a job that is being submitted are not taken for unused ones.
: "${PQ_WANTED?}" "${PQ_CALLS?}" "${PQ_GROUP?}" "${PQ_VERB?}"

. queues/pueue/sh/lib/head.sh
. queues/sh/lib/lock.sh
. queues/pueue/sh/lib/survivors.sh
. queues/pueue/sh/lib/sweep.sh

# matching QUEUE: a line `CALL ID` for each wanted task that is in the queue as it was selected. In pueue's JSON only a task begins with an
# unescaped "id", and only the state of a task is an object named "status".
matching() {
    {
        printf '%s\n' "$PQ_WANTED" "$pq_survivors"
        printf '%s\n' "$1" | grep -o '"id":[0-9]*,"created_at":"[^"]*"\|"status":{"[A-Z][a-z]*"'
    } | awk '
        $1 == "want" { task = $3 " " $4 " " $5; call[task] = $2; key[task] = $6; parents_of[task] = $7; selected[$3]; next }
        $1 == "survivor" { runs[$3]; next }
        /^"id"/ {
            id = $0; sub(/^"id":/, "", id); sub(/,.*/, "", id)
            created = $0; sub(/^.*"created_at":"/, "", created); sub(/"$/, "", created)
            next
        }
        /^"status"/ {
            state = $0; sub(/^"status":[{]"/, "", state); sub(/"$/, "", state)
            task = id " " created " " state
            in_queue[id]
            if (task in call && !(key[task] in runs)) ready[id] = task
        }
        END {
            do { # a job whose dependency is not acted on is left as is, and so are the jobs that depend on it
                dropped = 0
                for (id in ready) {
                    count = split(parents_of[ready[id]], parents, ",")
                    for (i = 1; i <= count; i++) {
                        if (!(parents[i] in in_queue) || (parents[i] in selected && !(parents[i] in ready))) { delete ready[id]; dropped = 1; break }
                    }
                }
            } while (dropped)
            for (id in ready) print call[ready[id]], id
        }' | sort -n -k 2
}
# call NAME: makes a call for the tasks that want it
call() {
    pq_ids=$(printf '%s\n' "$pq_matching" | sed -n "s/^$1 //p")
    if [ -z "$pq_ids" ]; then return; fi
    # shellcheck disable=SC2086 # one word per id
    case $1 in
        restart) ask restart --in-place $pq_ids >&2 ;;
        *) ask "$1" $pq_ids >&2 ;;
    esac
}
{
    lock
    pq_survivors='' pq_files=0
    case " $PQ_CALLS " in *' restart '*) pq_survivors=$(survivors) ;; esac
    pq_before=$(ask status --json) || exit 69
    pq_matching=$(matching "$pq_before")
    if [ -n "$PQ_GROUP" ]; then
        ask "$PQ_VERB" --group="$PQ_GROUP" >&2
    else
        for pq_call in $PQ_CALLS; do call "$pq_call"; done
    fi
    pq_after=$(ask status --json) || exit 69
    case " $PQ_CALLS " in
        *' kill '*) # A killed task is done once the daemon has noticed its end.
            pq_turns=0
            while [ "$pq_turns" -lt 50 ] && [ -n "$(matching "$pq_after")" ]; do
                pq_turns=$((pq_turns + 1))
                sleep 0.1
                pq_after=$(ask status --json) || exit 69
            done
            ;;
    esac
    case " $PQ_CALLS " in *' remove '*) sweep "$pq_before" "$pq_after" ;; esac
    echo 'pueue-skill reply'
    if [ -n "$pq_survivors" ]; then printf '%s\n' "$pq_survivors"; fi
    printf '%s\n' "files $pq_files" "$pq_before" "$pq_after" 'pueue-skill end'
}
