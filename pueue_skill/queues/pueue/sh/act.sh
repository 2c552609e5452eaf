# Does something with tasks of pueue, or with the group PQ_GROUP what PQ_VERB says (kill, pause, start). A line of PQ_WANTED is one task:
# `want CALL ID CREATED STATUS KEY PARENTS`, the call (kill, pause, start, restart, remove ...), how the task was when it was chosen, and
# the ids, with commas between, without which it is left as it is. PQ_CALLS are the calls that occur, in the order in which they are made.
#
# Prints the reply line; with a restart a line `survivor PID KEY` for each process that still runs of a job (survivors.sh); `files N`, the
# number of files of removed jobs that were removed; the queue before and after, as JSON; and the end line.
#
# pueue uses ids again, so a task is touched only while it has the creation time and the state that it was chosen by. The lock is that of
# submissions, so that two who act do it in turn, and no file of a job that is on its way is taken for one that is left over.
: "${PQ_WANTED?}" "${PQ_CALLS?}" "${PQ_GROUP?}" "${PQ_VERB?}"

. queues/pueue/sh/lib/head.sh
. queues/sh/lib/lock.sh
. queues/pueue/sh/lib/survivors.sh
. queues/pueue/sh/lib/sweep.sh

# matching QUEUE: a line `CALL ID` for each of the wanted that is in it as it was when it was chosen. Nothing but a task begins with an
# unescaped "id" in pueue's JSON, and nothing but its state is called "status" and is an object.
matching() {
    {
        printf '%s\n' "$PQ_WANTED" "$pq_survivors"
        printf '%s\n' "$1" | grep -o '"id":[0-9]*,"created_at":"[^"]*"\|"status":{"[A-Z][a-z]*"'
    } | awk '
        $1 == "want" { task = $3 " " $4 " " $5; call[task] = $2; key[task] = $6; with[task] = $7; chosen[$3]; next }
        $1 == "survivor" { runs[$3]; next }
        /^"id"/ {
            id = $0; sub(/^"id":/, "", id); sub(/,.*/, "", id)
            created = $0; sub(/^.*"created_at":"/, "", created); sub(/"$/, "", created)
            next
        }
        /^"status"/ {
            state = $0; sub(/^"status":[{]"/, "", state); sub(/"$/, "", state)
            task = id " " created " " state
            there[id]
            if (task in call && !(key[task] in runs)) does[id] = task
        }
        END {
            do { # a job whose dependency is not acted on is left as is, and so are the jobs that depend on it
                dropped = 0
                for (id in does) {
                    count = split(with[does[id]], parents, ",")
                    for (i = 1; i <= count; i++) {
                        if (!(parents[i] in there) || (parents[i] in chosen && !(parents[i] in does))) { delete does[id]; dropped = 1; break }
                    }
                }
            } while (dropped)
            for (id in does) print call[does[id]], id
        }' | sort -n -k 2
}
# call NAME: the call over the tasks that it is wanted for
call() {
    pq_ids=$(printf '%s\n' "$pq_chosen" | sed -n "s/^$1 //p")
    if [ -z "$pq_ids" ]; then return; fi
    # shellcheck disable=SC2086 # a word an id
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
    pq_chosen=$(matching "$pq_before")
    if [ -n "$PQ_GROUP" ]; then
        ask "$PQ_VERB" --group="$PQ_GROUP" >&2
    else
        for pq_call in $PQ_CALLS; do call "$pq_call"; done
    fi
    pq_after=$(ask status --json) || exit 69
    case " $PQ_CALLS " in
        *' kill '*) # What was killed is done once the daemon has noticed its end.
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
