# What every job is run by, in the job: `begin KEY` enters the folder $pq_folder, which stands before this script with $pq_token, and `finish
# CODE` writes down how the work ended and ends with that code. sh says nothing of its own from `begin` on; descriptor 3 is the job's stderr.
# It is sh and not bash, so that BASH_ENV and the like are read once, by the work. What the environment exports is still there for the work.
# shellcheck disable=SC2154 # pq_folder, pq_token

pq_data=$HOME/.local/share/pueue-skill/slurm/$SLURM_CLUSTER_NAME pq_began=$(date +%s)
pq_id=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
pq_id=${pq_id:-$SLURM_JOB_ID}
finish() {
    # What was ended by a signal may be about to be ended itself: then Slurm says how.
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
