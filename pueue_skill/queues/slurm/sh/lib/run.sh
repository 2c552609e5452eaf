# Functions that run every job, in the job: `begin KEY` enters the folder $pq_folder, which the lines before this script set together with
# $pq_token; `finish CODE` records the exit code of the work and exits with it. After `begin`, sh prints no messages: descriptor 3 is the
# job's stderr. sh and not bash runs this, so that BASH_ENV and similar variables take effect only once, in the work.
# shellcheck disable=SC2154 # pq_folder, pq_token

pq_data=$HOME/.local/share/pueue-skill/slurm/$SLURM_CLUSTER_NAME pq_began=$(date +%s)
pq_id=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
pq_id=${pq_id:-$SLURM_JOB_ID}
finish() {
    # After a signal, Slurm may be about to end the job: then Slurm reports why.
    case $1 in 137 | 143) sleep 1 ;; esac
    printf 'ended|%s|%s|%s|%s|%s|%s\n' "$pq_id" "$PUEUE_SKILL_KEY" "$1" "$pq_began" "$(date +%s)" "$pq_token" >>"$pq_data/ended.$SLURMD_NODENAME"
    case $1 in spawn) exit 126 ;; *) exit "$1" ;; esac
}
begin() {
    PUEUE_SKILL_KEY=$1
    export PUEUE_SKILL_KEY
    cd -- "$pq_folder" || finish spawn
    exec 3>&2 2>/dev/null
}
