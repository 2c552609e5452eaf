# Submits the job with the key PQ_KEY unless it exists. The arguments are options of sbatch. PQ_CWD is the folder of the job (`~/` is the
# home; empty: the current folder), PQ_SCRIPT the script that runs its work (work.sh), PQ_FILES the files for jobs/ (store_files in send.sh),
# PQ_METADATA its metadata for the journal. PQ_APART=1 keeps stderr separately. With PQ_STDIN=1, the job's stdin follows the script
# (take.sh). PQ_AFTER are the ids of its dependencies, PQ_AFTER_KIND is afterok or afterany, PQ_LANES the limit and name of its group if
# that has a limit.
#
# Prints `pueue-skill adds` before it submits. Then the reply line; a line with old, new or none; 0, the exit code of a failed step, or
# `other` if the existing job has another stdin; and the id; then the records of the job (job.sh). For an existing job, also a line
# `pueue-skill there before`, the folder of this submission in base64 and its environment; and again that line, and the environment of the
# existing job. Then the end line.
: "${PQ_KEY:?}" "${PQ_CWD?}" "${PQ_SCRIPT:?}" "${PQ_FILES?}" "${PQ_METADATA:?}" "${PQ_APART?}" "${PQ_STDIN?}" "${PQ_AFTER?}" "${PQ_AFTER_KIND:?}" "${PQ_LANES?}"

. queues/slurm/sh/lib/site.sh
. queues/slurm/sh/lib/job.sh
. queues/slurm/sh/lib/send.sh
. queues/sh/lib/lock.sh
. queues/sh/lib/take.sh
. queues/sh/lib/environment.sh

# Sets $pq_after to sbatch's words for the dependencies; fails if one can no longer be satisfied. Slurm treats a dependency on a job that it
# has forgotten as satisfied, even if that job failed.
depend() {
    pq_after='' pq_failed=0
    for pq_parent in $PQ_AFTER; do
        if [ -n "$(queue --jobs="$pq_parent" 2>/dev/null)" ]; then
            pq_after="${pq_after:+$pq_after,}$PQ_AFTER_KIND:$pq_parent"
        elif [ "$PQ_AFTER_KIND" = afterok ] && ! ends "$pq_parent" | grep -q -e '^ended|[^|]*|[^|]*|0|' -e '^seen|[^|]*|COMPLETED|'; then
            echo "its dependency, job $pq_parent, has failed or does not exist" >&2
            pq_failed=65
        fi
    done
    return "$pq_failed"
}
# Writes the files that `submit` reads for the job.
prepare() (
    umask 077
    if [ -n "$PQ_STDIN" ]; then mv "$pq_part" "$pq_data/jobs/$PQ_KEY.in" || exit 74; fi
    store_files "$PQ_FILES"
    {
        echo "pq_folder=$(quoted "$pq_folder")"
        # slurmd sets ENVIRONMENT to BATCH.
        if [ -n "${ENVIRONMENT+set}" ]; then echo "ENVIRONMENT=$(quoted "$ENVIRONMENT")"; else echo "unset ENVIRONMENT"; fi
        printf '%s' "$PQ_SCRIPT"
    } >"$pq_data/jobs/$PQ_KEY.sh"
    write_send "$PQ_KEY" "$pq_folder" "$@"
    write_metadata "$PQ_KEY" "$pq_folder" "$PQ_METADATA"
    (export -p) >"$pq_data/jobs/$PQ_KEY.env"
    rm -f "$pq_data/jobs/$PQ_KEY.lanes"
    if [ -n "$PQ_LANES" ]; then echo "$PQ_LANES" >"$pq_data/jobs/$PQ_KEY.lanes"; fi
)
case $PQ_CWD in '') PQ_CWD=$PWD ;; \~/*) PQ_CWD=$HOME/${PQ_CWD#\~/} ;; esac
pq_stdin_status=0
if [ -n "$PQ_STDIN" ]; then
    pq_part="$pq_data/jobs/$PQ_KEY.in.$$"
    take "$pq_part"
    pq_stdin_status=$?
fi
{
    lock
    pq_status=0
    seek "$PQ_KEY" || exit 69
    if [ -n "$pq_id" ]; then
        pq_known=old
        if [ -n "$PQ_STDIN" ] && [ "$pq_stdin_status" = 0 ] && ! cmp -s "$pq_part" "$pq_data/jobs/$PQ_KEY.in"; then pq_status=other; fi
    else
        pq_known=new pq_status=$pq_stdin_status
        if ! pq_folder=$(cd -- "$PQ_CWD" 2>/dev/null && pwd); then
            echo "there is no folder $PQ_CWD" >&2
            pq_status=1
        fi
        depend || pq_status=$?
        if [ "$pq_status" = 0 ]; then
            prepare "--output=$pq_data/jobs/%j.out" ${PQ_APART:+"--error=$pq_data/jobs/%j.err"} --export=ALL "$@" || exit
            echo 'pueue-skill adds'
            submit "$PQ_KEY" "$pq_after" 1 - || pq_status=$?
        fi
    fi
    if [ -z "$pq_id" ]; then pq_known=none; fi
    printf '%s\n' 'pueue-skill reply' "$pq_known $pq_status $pq_id"
    if [ -n "$pq_id" ]; then show "$pq_id"; fi
    if [ "$pq_known" = old ]; then
        pq_folder=$(cd -- "$PQ_CWD" 2>/dev/null && pwd -P) || pq_folder=$PQ_CWD
        pq_earlier=$(cut -d '|' -f 1 "$pq_data/jobs/$PQ_KEY.told" 2>/dev/null | base64 -d)
        if [ "$(cd -- "$pq_earlier" 2>/dev/null && pwd -P)" = "$pq_folder" ]; then pq_folder=$pq_earlier; fi
        printf '%s\n' 'pueue-skill there before' "$(printf %s "$pq_folder" | base64 | tr -d '\n')"
        awk "$pq_print_environment" </dev/null
        echo 'pueue-skill there before'
        # shellcheck disable=SC2016 # arguments of that sh
        env -i sh -c '. "$1" && "$2" "$3"' sh "$pq_data/jobs/$PQ_KEY.env" "$(command -v awk)" "$pq_print_environment" 2>/dev/null </dev/null
    fi
    echo 'pueue-skill end'
}
