# Submits arrays, unless anything was submitted since the journal had PQ_ENTRIES lines. Reads seven arguments for each array: its number;
# its name in jobs/; how many tasks it has; their indices and limit, as --array takes them; its dependencies, as sh source of sbatch's
# words, in which $pq_id_N is the id of array N; its metadata; and options of sbatch, as sh source. PQ_CWD is the folder of the jobs (`~/` is
# the home; empty: the current folder), PQ_SCRIPT the script of a task (task.sh), PQ_FILES the files for jobs/ (store_files in send.sh),
# PQ_KEPT patterns for the variables that jobs get, with blanks between, PQ_DROPPED the ids of the jobs that the arrays replace.
#
# Prints the reply line; then `changed` if anything was submitted meanwhile, else a line for each array, `new NUMBER ID`, `held NUMBER -` if a
# dependency could not be submitted, or `failed NUMBER REASON`, and `end`.
: "${PQ_ENTRIES:?}" "${PQ_CWD?}" "${PQ_SCRIPT:?}" "${PQ_FILES?}" "${PQ_KEPT:?}" "${PQ_DROPPED?}"

. queues/slurm/sh/lib/site.sh
. queues/slurm/sh/lib/send.sh
. queues/sh/lib/lock.sh

# Prints the names of the variables that match PQ_KEPT, with commas between.
kept() (
    set -f
    pq_kept=''
    for pq_variable in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
        for pq_pattern in $PQ_KEPT; do
            # shellcheck disable=SC2254 # a pattern
            case $pq_variable in $pq_pattern)
                pq_kept=${pq_kept:+$pq_kept,}$pq_variable
                break
                ;;
            esac
        done
    done
    echo "$pq_kept"
)
# array NUMBER NAME COUNT INDICES DEPENDENCIES METADATA WORDS: submits an array, unless a dependency could not be submitted.
array() {
    eval "pq_after=\"$5\""
    case $pq_after in *none*)
        echo "held $1 -"
        return
        ;;
    esac
    umask 077
    write_metadata "$2" "$pq_folder" "$6"
    {
        echo "pq_folder=$(quoted "$pq_folder")"
        echo "unset ENVIRONMENT"
        printf '%s' "$PQ_SCRIPT"
    } >"$pq_data/jobs/$2.sh"
    (
        pq_name=$2
        eval "set -- $7"
        write_send "$pq_name" "$pq_folder" "--output=$pq_data/jobs/%A_%a.out" "--export=$pq_names" "$@"
    )
    (
        for pq_variable in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
            case ",$pq_names," in *",$pq_variable,"*) ;; *) unset "$pq_variable" 2>/dev/null ;; esac
        done
        export -p
    ) >"$pq_data/jobs/$2.env"
    umask "$pq_umask_was"
    if submit "$2" "$pq_after" "$3" "$2" "--array=$4" 2>"$pq_data/error.$$"; then
        eval "pq_id_$1=$pq_id"
        echo "new $1 $pq_id"
    else
        eval "pq_id_$1=none"
        echo "failed $1 $(tr '\n' ' ' <"$pq_data/error.$$")"
    fi
    rm -f "$pq_data/error.$$"
}
case $PQ_CWD in '') PQ_CWD=$PWD ;; \~/*) PQ_CWD=$HOME/${PQ_CWD#\~/} ;; esac
{
    lock
    if [ "$(grep -c . "$pq_data/journal")" != "$PQ_ENTRIES" ]; then
        printf '%s\n' 'pueue-skill reply' changed
        exit
    fi
    if ! pq_folder=$(cd -- "$PQ_CWD" 2>/dev/null && pwd); then
        echo "there is no folder $PQ_CWD" >&2
        exit 65
    fi
    pq_umask_was=$(umask) pq_names=$(kept)
    if [ -n "$PQ_DROPPED" ]; then
        # shellcheck disable=SC2086 # one word per id
        ask scancel $PQ_DROPPED >/dev/null 2>&1 </dev/null
        for pq_old in $PQ_DROPPED; do echo "gone|$pq_old" >>"$pq_data/journal"; done
    fi
    (umask 077 && store_files "$PQ_FILES") || exit 74
    echo 'pueue-skill reply'
    while [ "$#" -gt 0 ]; do
        array "$1" "$2" "$3" "$4" "$5" "$6" "$7"
        shift 7
    done
    echo end
}
