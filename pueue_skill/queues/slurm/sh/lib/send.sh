# Submits jobs, under the lock. Include site.sh first.
# shellcheck disable=SC2154 # site.sh sets pq_data

. queues/slurm/sh/lib/store.sh

# seek NAME: sets $pq_id to the id of the newest submission of that name that was not removed, or empty. Adds it to the journal if the answer
# of that submission was lost.
seek() {
    pq_newest=$({
        cat "$pq_data/journal" "$pq_data"/ended.* 2>/dev/null
        queue || echo fails
    } | awk -F'|' -v name="$1" '
        function of(token) { sub(/#.*/, "", token); return token }
        function found(token, job) { # all jobs of an invocation have its key alone: only their ids differ
            sub(/_.*/, "", job)
            if (token == name) tries[++count] = token "#" job
            if (index(token, "#") == 0) token = token "#" job
            lost[token] = job
        }
        $1 == "try" && of($2) == name { tries[++count] = $2 }
        $1 == "id" { id[$2] = $3 }
        $1 == "gone" { gone[$2] }
        $1 == "ended" { found($7, $2) }
        $1 == "job" && $10 ~ /^pueue-skill / { found(substr($10, 13), $2) }
        $1 == "fails" { fails = 1 }
        END {
            if (fails) { print "fails"; exit }
            for (; count > 0; count--) {
                token = tries[count]
                if (token in id && !(id[token] in gone)) { print "-", id[token]; exit }
                if (!(token in id) && token in lost && !(lost[token] in gone)) { print token, lost[token]; exit }
            }
        }')
    if [ "$pq_newest" = fails ]; then return 69; fi
    pq_id=${pq_newest#* }
    case $pq_newest in '' | '- '*) ;; *) printf 'id|%s|%s\n' "${pq_newest% *}" "$pq_id" >>"$pq_data/journal" ;; esac
}
# submit NAME DEPENDENCY COUNT INDEX WORD...: submits the job of that name in jobs/, with the options WORD of sbatch, and sets $pq_id to its id.
# With $pq_again, the job gets the environment of its first submission.
submit() {
    pq_name=$1 pq_after=$2 pq_count=$3 pq_index=$4
    shift 4
    pq_turn=$((${pq_turn:-0} + 1)) pq_id=''
    if [ -f "$pq_data/jobs/$pq_name.lanes" ]; then
        lane "$(cat "$pq_data/jobs/$pq_name.lanes")"
        set -- "$@" "--job-name=$pq_lane"
    fi
    pq_token="$pq_name#$(date +%s).$$.$pq_turn"
    printf 'try|%s|%s|%s|%s|%s|%s\n' "$pq_token" "$(date +%s)" "$pq_count" "$pq_index" "$pq_after" "$(cat "$pq_data/jobs/$pq_name.told")" >>"$pq_data/journal"
    pq_id=$({
        printf '#!/bin/sh\npq_token=%s\n' "$pq_token"
        cat "$pq_data/jobs/$pq_name.sh"
    } | (
        if [ -n "${pq_again:-}" ] && [ -f "$pq_data/jobs/$pq_name.env" ]; then
            for pq_item in $(env | sed -n 's/^\([A-Za-z_][A-Za-z0-9_]*\)=.*/\1/p'); do
                case $pq_item in PATH | SLURM_CONF) ;; *) unset "$pq_item" 2>/dev/null ;; esac
            done
            # shellcheck source=/dev/null
            . "$pq_data/jobs/$pq_name.env"
        fi
        # shellcheck source=/dev/null
        . "$pq_data/jobs/$pq_name.send"
        send --parsable --comment="pueue-skill $pq_token" ${pq_after:+"--dependency=$pq_after"} "$@"
    ))
    pq_failed=$?
    pq_id=${pq_id%%;*}
    # sbatch may have submitted the job even if it failed.
    if [ -z "$pq_id" ]; then pq_id=$(queue | awk -F'|' -v comment="pueue-skill $pq_token" '$10 == comment { sub(/_.*/, "", $2); print $2; exit }'); fi
    if [ -z "$pq_id" ]; then return "$((pq_failed ? pq_failed : 1))"; fi
    printf 'id|%s|%s\n' "$pq_token" "$pq_id" >>"$pq_data/journal"
}
# lane LIMIT GROUP: sets $pq_lane to the name of the lane with the fewest jobs. A group with the limit N has N lanes: Slurm runs one job at a time
# of those with the same name and the dependency singleton.
lane() {
    pq_lane=$(queue --states=pending,running,suspended,completing | awk -F'|' -v limit="${1%% *}" -v group="${1#* }" '
        { taken[$11]++ }
        END { best = 1; for (i = 2; i <= limit; i++) if (taken[group "." i] + 0 < taken[group "." best] + 0) best = i; print group "." best }')
    pq_after=${pq_after:+$pq_after,}singleton
}
quoted() { printf %s "$1" | sed "s/'/'\\\\''/g; 1s/^/'/; \$s/\$/'/"; }
# write_send NAME FOLDER WORD...: writes a file with the function that submits the job of that name. It changes to the folder first, so that the
# job gets the folder by the name that was given.
write_send() {
    pq_file=$pq_data/jobs/$1.send pq_folder=$2
    shift 2
    {
        # shellcheck disable=SC2016 # expanded when that file is read
        printf 'pq_folder=%s\nsend() { cd -- "$pq_folder" && ask sbatch --chdir="$pq_folder"' "$(quoted "$pq_folder")"
        for pq_item; do printf ' %s' "$(quoted "$pq_item")"; done
        # shellcheck disable=SC2016 # expanded when that file is read
        printf '%s\n' ' "$@"; }'
    } >"$pq_file"
}
# write_metadata NAME FOLDER METADATA: writes a file with the last fields of a submission's line in the journal.
write_metadata() { printf '%s|%s' "$(printf %s "$2" | base64 | tr -d '\n')" "$3" >"$pq_data/jobs/$1.told"; }
# store_files FILES: writes files in jobs/. The words of FILES are alternately a name and the content in base64. Exits 74 if that fails.
store_files() {
    pq_file=''
    for pq_word in $1; do
        if [ -z "$pq_file" ]; then
            pq_file=$pq_word
        else
            printf '%s\n' "$pq_word" | store "$pq_file" || exit 74
            pq_file=''
        fi
    done
}
