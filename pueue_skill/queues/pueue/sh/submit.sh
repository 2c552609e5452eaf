# Adds the job of the key PQ_KEY unless one of that key is in the queue. PQ_ADD are the words of `pueue add`, as sh source; PQ_CWD is the
# job's folder (`~/` is the home; empty: where the script runs), PQ_FILES what files.sh puts into place for it. PQ_SHELL says what the
# job's environment is: `inherited` that of the script; that of the login shell before it read its start-up files for a job by `login`, or
# for one by bash that starts a login shell (`nested`); `bash` what has been read. PQ_STDIN=1: what follows the script is the job's standard
# input (take.sh). PQ_APART=1: its standard error goes to a file.
#
# Prints `pueue-skill adds` before it adds. Then the reply line; 0, the exit code of a failed step, or `other` where the job that is there
# reads another standard input; the tasks of the key before and after, as JSON; and of a job that was there before what it would be now:
# its folder in base64, and its environment, a line a variable. Then the end line.
: "${PQ_KEY:?}" "${PQ_ADD:?}" "${PQ_CWD?}" "${PQ_SHELL:?}" "${PQ_STDIN?}" "${PQ_APART?}"

. queues/pueue/sh/lib/head.sh
. queues/sh/lib/path.sh
. queues/sh/lib/bare_path.sh
. queues/sh/lib/lock.sh
. queues/sh/lib/take.sh
. queues/sh/lib/environment.sh
. queues/pueue/sh/lib/files.sh

known() { ask status --json "command%=env PUEUE_SKILL_KEY=$PQ_KEY "; }

# client WORD...: a command with the environment that the job is to have; start-up files may have said where the queue's own files are.
client() {
    case $PQ_SHELL in
        inherited | bash)
            "$@"
            return
            ;;
        nested) set -- SHLVL=1 "$@" ;;
    esac
    bare ${XDG_RUNTIME_DIR:+"XDG_RUNTIME_DIR=$XDG_RUNTIME_DIR"} ${XDG_CONFIG_HOME:+"XDG_CONFIG_HOME=$XDG_CONFIG_HOME"} \
        ${XDG_DATA_HOME:+"XDG_DATA_HOME=$XDG_DATA_HOME"} ${PUEUE_CONFIG_PATH:+"PUEUE_CONFIG_PATH=$PUEUE_CONFIG_PATH"} "$@"
}

# What the job reads and what is left of an earlier job of its key.
prepare() (
    if [ -n "$PQ_APART" ]; then (umask 077 && mkdir -p "$pq_jobs" && rm -f "$pq_jobs/$PQ_KEY.err") || exit 74; fi
    if [ -n "$PQ_STDIN" ]; then { [ "$pq_fed" = 0 ] && mv "$pq_part" "$pq_jobs/$PQ_KEY.in"; } || exit 74; fi
    put_files || exit 74
)

pq_jobs="$HOME/.local/share/pueue-skill/jobs"
case $PQ_CWD in \~/*) PQ_CWD=$HOME/${PQ_CWD#\~/} ;; esac
if [ "$PQ_SHELL" = bash ]; then export SHLVL=1; fi # else bash takes itself for a child of sshd
if [ -n "$PQ_STDIN" ]; then
    pq_part="$pq_jobs/$PQ_KEY.in.$$"
    (umask 077 && mkdir -p "$pq_jobs") && take "$pq_part"
    pq_fed=$?
fi
{
    lock
    pq_before=$(known) || exit 69
    pq_status=0 pq_folder='' pq_environment=''
    case $pq_before in
        *'"tasks":{}'*)
            prepare || pq_status=$?
            if [ "$pq_status" = 0 ]; then
                echo 'pueue-skill adds'
                eval "set -- $PQ_ADD"
                client "$pq_pueue" "$@" </dev/null >/dev/null || pq_status=$?
            fi
            exec 9>&-
            pq_after=$(known)
            ;;
        *)
            if [ -n "$PQ_STDIN" ] && [ "$pq_fed" = 0 ] && ! cmp -s "$pq_part" "$pq_jobs/$PQ_KEY.in"; then pq_status=other; fi
            exec 9>&-
            pq_after=$pq_before
            pq_folder=$(cd -- "${PQ_CWD:-.}" 2>/dev/null && pwd -P) || pq_folder=${PQ_CWD:-.}
            pq_environment=$(client awk "$pq_print_environment" </dev/null)
            ;;
    esac
    if [ -n "$pq_folder" ]; then pq_folder=$(printf %s "$pq_folder" | base64 | tr -d '\n'); fi
    printf '%s\n' 'pueue-skill reply' "$pq_status" "$pq_before" "$pq_after" "$pq_folder" "$pq_environment" 'pueue-skill end'
}
