# Carries out actions on jobs. Each input is a list of ids with blanks between: PQ_KILL kills running and suspended jobs, PQ_CANCEL cancels
# pending jobs, PQ_STASH holds pending jobs, PQ_ENQUEUE releases held jobs, PQ_REMOVE hides jobs and removes their files. PQ_RESTART submits
# jobs again: each line is the id of a job and those of its dependencies.
#
# Slurm itself checks the state of a job: scancel is given the state, hold and release apply only to pending jobs, and ended jobs do not
# change. Prints the reply line, `files N` (removed files), the records of the jobs (records.sh), a line AFTER, the records afterwards, and
# the end line.
: "${PQ_KILL?}" "${PQ_CANCEL?}" "${PQ_STASH?}" "${PQ_ENQUEUE?}" "${PQ_RESTART?}" "${PQ_REMOVE?}"

. queues/slurm/sh/lib/site.sh
. queues/slurm/sh/lib/records.sh
. queues/slurm/sh/lib/job.sh
. queues/slurm/sh/lib/send.sh
. queues/slurm/sh/lib/settle.sh
. queues/sh/lib/lock.sh

# Prints the name under which the job $1 was submitted.
named() { awk -F'|' -v id="${1%%_*}" '$1 == "id" && $3 == id { sub(/#.*/, "", $2); name = $2 } END { print name }' "$pq_data/journal"; }
commas() { echo "$*" | tr ' ' ','; }
# restart ID PARENT...: submits a job again. It depends on those parents that were submitted again too or have not ended.
restart() {
    pq_old=$1 pq_number=${1#*_}
    pq_name=$(named "$pq_old")
    shift
    pq_after=''
    for pq_parent; do
        eval "pq_new=\${pq_new_$pq_parent-}"
        if [ -z "$pq_new" ] && ! ends "$pq_parent" | grep -q .; then pq_new=$pq_parent; fi
        if [ -n "$pq_new" ]; then pq_after="${pq_after:+$pq_after,}afterok:$pq_new"; fi
    done
    if [ ! -f "$pq_data/jobs/$pq_name.sh" ]; then
        echo "the files of job $pq_old are missing: it cannot be restarted" >&2
        return
    fi
    pq_index=- pq_array='' pq_again=1
    case $pq_old in *_*)
        pq_index="$pq_name.$pq_number" pq_array="--array=$pq_number"
        for pq_kind in sh send env told; do cp "$pq_data/jobs/$pq_name.$pq_kind" "$pq_data/jobs/$pq_index.$pq_kind"; done
        grep "^$pq_number|" "$pq_data/jobs/$pq_name.index" >"$pq_data/jobs/$pq_index.index"
        pq_name=$pq_index
        ;;
    esac
    submit "$pq_name" "$pq_after" 1 "$pq_index" ${pq_array:+"$pq_array"} || return 0
    eval "pq_new_$pq_old=\$pq_id\${pq_array:+_$pq_number}"
}
# remove ID: hides a job and removes its files. Its stdin is removed with the last job of the same name.
remove() {
    echo "gone|$1" >>"$pq_data/journal"
    pq_name=$(named "$1")
    if awk -F'|' -v name="$pq_name#" '
        $1 == "id" && index($2, name) == 1 { listed[$3] }
        $1 == "gone" { delete listed[$2] }
        END { for (id in listed) exit 1 }' "$pq_data/journal"; then rm -f "$pq_data/jobs/$pq_name.in"; fi
    rm -f "$pq_data/jobs/$1.out" "$pq_data/jobs/$1.err"
}
# shellcheck disable=SC2086 # one word per id
{
    lock
    pq_before=$(records) || exit 69
    if [ -n "$PQ_KILL" ]; then
        ask scancel --state=RUNNING $PQ_KILL >&2 </dev/null
        ask scancel --state=SUSPENDED $PQ_KILL >&2 </dev/null
    fi
    if [ -n "$PQ_CANCEL" ]; then ask scancel --state=PENDING $PQ_CANCEL >&2 </dev/null; fi
    if [ -n "$PQ_STASH" ]; then ask scontrol hold "$(commas $PQ_STASH)" >&2 </dev/null; fi
    if [ -n "$PQ_ENQUEUE" ]; then ask scontrol release "$(commas $PQ_ENQUEUE)" >&2 </dev/null; fi
    # Not in a pipe, because `restart` sets variables with the new ids for dependent jobs.
    while read -r pq_line; do
        if [ -n "$pq_line" ]; then restart $pq_line </dev/null; fi
    done <<EOF
$PQ_RESTART
EOF
    for pq_id in $PQ_REMOVE; do remove "$pq_id"; done
    if [ -n "$PQ_KILL$PQ_CANCEL" ]; then settle "$(commas $PQ_KILL $PQ_CANCEL)"; fi
    pq_after=$(records) || exit 69
    printf '%s\n' 'pueue-skill reply' 'files 0' "$pq_before" AFTER "$pq_after" 'pueue-skill end'
}
