# Submits the job of the key PQ_KEY unless there is one of that key. The script's arguments are words of sbatch. PQ_CWD is the job's folder
# (`~/` is the home; empty: where the script runs), PQ_SCRIPT what runs its work (work.sh), PQ_FILES what put_files (send.sh) puts into place
# for it, PQ_METADATA what Slurm has no place for. PQ_APART=1: its standard error goes to a file of its own. PQ_STDIN=1: what follows the
# script is the job's standard input (take.sh). PQ_AFTER are the ids of jobs that it depends on, PQ_AFTER_KIND afterok or afterany; PQ_LANES
# the limit of its group and a name for that, where it has one.
#
# Prints `pueue-skill adds` before it submits. Then the reply line; old, new or none, 0, the exit code of a failed step, or `other` where the
# job that is there reads another standard input, and the id; what is known of the job (job.sh). Of a job that was there before, after a line
# `pueue-skill there before`, its folder in base64 and its environment as they would be now, and after another its environment as it was. Then the end line.
: "${PQ_KEY:?}" "${PQ_CWD?}" "${PQ_SCRIPT:?}" "${PQ_FILES?}" "${PQ_METADATA:?}" "${PQ_APART?}" "${PQ_STDIN?}" "${PQ_AFTER?}" "${PQ_AFTER_KIND:?}" "${PQ_LANES?}"

. queues/slurm/sh/lib/site.sh
. queues/slurm/sh/lib/job.sh
. queues/slurm/sh/lib/send.sh
. queues/sh/lib/lock.sh
. queues/sh/lib/take.sh
. queues/sh/lib/environment.sh

# Leaves sbatch's words for the dependencies in $pq_after; fails when one cannot be met. Slurm takes a dependency on a job that it has
# forgotten for one that is met, however that job has ended.
depend() {
    pq_after='' pq_met=0
    for pq_one in $PQ_AFTER; do
        if [ -n "$(queue --jobs="$pq_one" 2>/dev/null)" ]; then
            pq_after="${pq_after:+$pq_after,}$PQ_AFTER_KIND:$pq_one"
        elif [ "$PQ_AFTER_KIND" = afterok ] && ! ends "$pq_one" | grep -q -e '^ended|[^|]*|[^|]*|0|' -e '^seen|[^|]*|COMPLETED|'; then
            echo "job $pq_one, which it is to come after, has failed or is not known" >&2
            pq_met=65
        fi
    done
    return "$pq_met"
}
# Writes what `submit` reads under the job's key.
prepare() (
    umask 077
    if [ -n "$PQ_STDIN" ]; then mv "$pq_part" "$pq_data/jobs/$PQ_KEY.in" || exit 74; fi
    put_files "$PQ_FILES"
    {
        echo "pq_folder=$(quoted "$pq_folder")"
        # slurmd sets it to BATCH, whatever it was.
        if [ -n "${ENVIRONMENT+set}" ]; then echo "ENVIRONMENT=$(quoted "$ENVIRONMENT")"; else echo "unset ENVIRONMENT"; fi
        printf '%s' "$PQ_SCRIPT"
    } >"$pq_data/jobs/$PQ_KEY.sh"
    write_send "$PQ_KEY" "$pq_folder" "$@"
    write_told "$PQ_KEY" "$pq_folder" "$PQ_METADATA"
    (export -p) >"$pq_data/jobs/$PQ_KEY.env"
    rm -f "$pq_data/jobs/$PQ_KEY.lanes"
    if [ -n "$PQ_LANES" ]; then echo "$PQ_LANES" >"$pq_data/jobs/$PQ_KEY.lanes"; fi
)
case $PQ_CWD in '') PQ_CWD=$PWD ;; \~/*) PQ_CWD=$HOME/${PQ_CWD#\~/} ;; esac
pq_fed=0
if [ -n "$PQ_STDIN" ]; then
    pq_part="$pq_data/jobs/$PQ_KEY.in.$$"
    take "$pq_part"
    pq_fed=$?
fi
{
    lock
    pq_status=0
    seek "$PQ_KEY" || exit 69
    if [ -n "$pq_id" ]; then
        pq_known=old
        if [ -n "$PQ_STDIN" ] && [ "$pq_fed" = 0 ] && ! cmp -s "$pq_part" "$pq_data/jobs/$PQ_KEY.in"; then pq_status=other; fi
    else
        pq_known=new pq_status=$pq_fed
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
        pq_was=$(cut -d '|' -f 1 "$pq_data/jobs/$PQ_KEY.told" 2>/dev/null | base64 -d)
        if [ "$(cd -- "$pq_was" 2>/dev/null && pwd -P)" = "$pq_folder" ]; then pq_folder=$pq_was; fi
        printf '%s\n' 'pueue-skill there before' "$(printf %s "$pq_folder" | base64 | tr -d '\n')"
        awk "$pq_print_environment" </dev/null
        echo 'pueue-skill there before'
        # shellcheck disable=SC2016 # its own arguments
        env -i sh -c '. "$1" && "$2" "$3"' sh "$pq_data/jobs/$PQ_KEY.env" "$(command -v awk)" "$pq_print_environment" 2>/dev/null </dev/null
    fi
    echo 'pueue-skill end'
}
