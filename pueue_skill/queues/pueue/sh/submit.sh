# Adds the job with the key PQ_KEY, unless the queue has a job with that key. PQ_ADD are the words of `pueue add`, as sh source. PQ_CWD is
# the folder of the job (`~/` is the home; empty: the folder in which the script runs), PQ_FILES the files that it needs (files.sh),
# PQ_GROUPS the limit and name of its group, to create it (groups.sh). PQ_SHELL selects its environment: `inherited` and `bash` give it
# that of the script; `login` and `nested` give it that of the login shell
# before start-up files, for a job that the login shell runs and for bash that starts a login shell. With PQ_STDIN=1 the stdin of the job
# follows the script (take.sh). With PQ_APART=1 its stderr goes to a separate file.
#
# Prints `pueue-skill adds` before it adds the job. Then it prints the reply line; 0, the exit code of a failed step, or `other` if the
# queued job has another stdin; the tasks with the key before and after, as JSON; if the job was already in the queue, the folder (in
# base64) and the environment (one variable per line) that it would have now; and the end line.
: "${PQ_KEY:?}" "${PQ_ADD:?}" "${PQ_CWD?}" "${PQ_SHELL:?}" "${PQ_STDIN?}" "${PQ_APART?}"

. queues/pueue/sh/lib/head.sh
. queues/sh/lib/path.sh
. queues/sh/lib/bare_path.sh
. queues/sh/lib/lock.sh
. queues/sh/lib/take.sh
. queues/sh/lib/environment.sh
. queues/pueue/sh/lib/files.sh
. queues/pueue/sh/lib/groups.sh

known() { ask status --json "command%=env PUEUE_SKILL_KEY=$PQ_KEY "; }

# client WORD...: runs a command with the environment of the job. Variables that locate the queue's files may come from start-up files.
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

# Writes the files that the job reads, and removes the stderr of an earlier job with its key.
prepare() (
    if [ -n "$PQ_APART" ]; then (umask 077 && mkdir -p "$pq_jobs" && rm -f "$pq_jobs/$PQ_KEY.err") || exit 74; fi
    if [ -n "$PQ_STDIN" ]; then { [ "$pq_take_status" = 0 ] && mv "$pq_part" "$pq_jobs/$PQ_KEY.in"; } || exit 74; fi
    put_files || exit 74
)

pq_jobs="$HOME/.local/share/pueue-skill/jobs"
case $PQ_CWD in \~/*) PQ_CWD=$HOME/${PQ_CWD#\~/} ;; esac
if [ "$PQ_SHELL" = bash ]; then export SHLVL=1; fi # otherwise bash behaves as a child of sshd
if [ -n "$PQ_STDIN" ]; then
    pq_part="$pq_jobs/$PQ_KEY.in.$$"
    (umask 077 && mkdir -p "$pq_jobs") && take "$pq_part"
    pq_take_status=$?
fi
{
    lock
    pq_before=$(known) || exit 69
    pq_status=0 pq_folder='' pq_environment=''
    case $pq_before in
        *'"tasks":{}'*)
            prepare || pq_status=$?
            if [ "$pq_status" = 0 ]; then
                if [ -n "$PQ_GROUPS" ]; then printf '%s\n' "$pq_before" | add_groups; fi
                echo 'pueue-skill adds'
                eval "set -- $PQ_ADD"
                client "$pq_pueue" "$@" </dev/null >/dev/null || pq_status=$?
            fi
            exec 9>&-
            pq_after=$(known)
            ;;
        *)
            if [ -n "$PQ_STDIN" ] && [ "$pq_take_status" = 0 ] && ! cmp -s "$pq_part" "$pq_jobs/$PQ_KEY.in"; then pq_status=other; fi
            exec 9>&-
            pq_after=$pq_before
            pq_folder=$(cd -- "${PQ_CWD:-.}" 2>/dev/null && pwd -P) || pq_folder=${PQ_CWD:-.}
            pq_environment=$(client awk "$pq_print_environment" </dev/null)
            ;;
    esac
    if [ -n "$pq_folder" ]; then pq_folder=$(printf %s "$pq_folder" | base64 | tr -d '\n'); fi
    printf '%s\n' 'pueue-skill reply' "$pq_status" "$pq_before" "$pq_after" "$pq_folder" "$pq_environment" 'pueue-skill end'
}
