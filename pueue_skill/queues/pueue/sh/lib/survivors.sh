# `survivors` prints a line `survivor PID KEY` for each process with a key in its environment, if the system has /proc (Linux). The process
# of a job may survive its daemon: a second run of the job would write to the same files.

survivors() {
    # shellcheck disable=SC2013 # the paths have no blanks
    for pq_environ in $(grep -la 'PUEUE_SKILL_KEY=' /proc/[0-9]*/environ 2>/dev/null); do
        pq_pid=${pq_environ#/proc/}
        tr '\0' '\n' 2>/dev/null <"$pq_environ" | sed -n "s/^PUEUE_SKILL_KEY=/survivor ${pq_pid%/environ} /p"
    done 2>/dev/null
}
