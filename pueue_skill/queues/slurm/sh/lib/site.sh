# Finds Slurm. `ask WORD...` calls one of its programs, with a timeout of $pq_timeout_s seconds (default 60). Sets $pq_config to the cluster's
# configuration, $pq_cluster to its name, and $pq_data to the folder of the jobs submitted to it (site.py), which is created. Exits 127
# without sbatch, 69 if the controller does not answer, 74 if the folder cannot be written.
# shellcheck disable=SC2034 # the scripts that include this read pq_ended_states

. queues/sh/lib/path.sh

pq_searched=PATH
# The PATH of an ssh command often has only the system's folders.
for pq_folder in /usr/bin /usr/local/bin /opt/slurm/bin /usr/local/slurm/bin /cm/shared/apps/slurm/current/bin; do
    if command -v sbatch >/dev/null; then break; fi
    if [ -x "$pq_folder/sbatch" ]; then PATH=$PATH:$pq_folder; fi
    pq_searched="$pq_searched, $pq_folder"
done
if ! command -v sbatch >/dev/null; then
    echo "no sbatch on this host: searched $pq_searched" >&2
    exit 127
fi
# A controller that hangs must not hang its callers.
ask() { if command -v timeout >/dev/null; then timeout "${pq_timeout_s:-60}" "$@"; else "$@"; fi; }
pq_config=$(ask scontrol show config </dev/null) || exit 69
pq_cluster=$(printf '%s\n' "$pq_config" | sed -n 's/^ClusterName *= *//p')
pq_data=$HOME/.local/share/pueue-skill/slurm/$pq_cluster
(umask 077 && mkdir -p "$pq_data/jobs") || exit 74
touch "$pq_data/journal" "$pq_data/seen" || exit 74
pq_ended_states='COMPLETED|FAILED|CANCELLED|TIMEOUT|DEADLINE|OUT_OF_MEMORY|NODE_FAIL|BOOT_FAIL|PREEMPTED'
# queue WORD...: prints a line `job|` for each job and for the tasks of an array that have not started, with the fields of state.SlurmJob.
queue() {
    pq_lines=$(SLURM_TIME_FORMAT=%s SLURM_BITSTR_LEN=0 ask squeue --noheader --me --states=all "$@" \
        --Format='JobArrayID:|,State:|,Reason:|,exit_code:|,SubmitTime:|,StartTime:|,EndTime:|,NodeList:|,Comment:|,Name:|' </dev/null) || return
    printf '%s\n' "$pq_lines" | sed 's/^/job|/'
}
