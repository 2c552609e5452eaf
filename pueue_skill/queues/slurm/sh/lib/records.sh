# `records` prints all records of the jobs: the journal; the items of arrays; the ends of jobs, as Slurm reported them (`seen|`) and as the
# jobs recorded them (`ended|`); and the lines of squeue (`job|`). The file `seen` keeps what Slurm reports of the end of our jobs. For jobs
# that Slurm forgot before that and that recorded no end, the accounts are asked, if the site has them. Fails with 69 if Slurm does not
# answer. Include site.sh first.
# shellcheck disable=SC2154 # site.sh sets them

records() {
    pq_queue=$(queue) || return 69
    pq_records=$(cat "$pq_data/seen" "$pq_data"/ended.* 2>/dev/null)
    pq_missing=$({
        cat "$pq_data/journal"
        printf '%s\n' "$pq_records" "$pq_queue"
    } | awk -F'|' -v ended="^($pq_ended_states)\$" '
        function base(id) { sub(/_.*/, "", id); return id }
        function many(id,    list, part, edge, n, i, all) { # the number of jobs of an id such as 7_[0-3,9%2]
            if (!match(id, /\[.*\]/)) return 1
            list = substr(id, RSTART + 1, RLENGTH - 2)
            sub(/%.*/, "", list)
            n = split(list, part, ",")
            for (i = 1; i <= n; i++) all += split(part[i], edge, /[-:]/) > 1 ? int((edge[2] - edge[1]) / (edge[3] ? edge[3] : 1)) + 1 : 1
            return all
        }
        $1 == "try" { count[$2] = $4 }
        $1 == "id" { of[$3] = count[$2] }
        $1 == "gone" { delete of[base($2)] }
        ($1 == "seen" || $1 == "ended") && !($2 in known) { known[$2]; ends[base($2)] += many($2) }
        $1 == "job" { lives[base($2)] }
        $1 == "job" && $3 ~ ended && $10 ~ /^pueue-skill / && !($2 in seen) { print "seen|" substr($0, 5) >new }
        $1 == "seen" { seen[$2] }
        END { for (id in of) if (!(id in lives) && ends[id] < of[id]) { printf "%s%s", comma, id; comma = "," } }
    ' new="$pq_data/new.$$")
    case $pq_config in
        *AccountingStorageType*accounting_storage/slurmdbd*) if [ -n "$pq_missing" ]; then accounts >>"$pq_data/new.$$"; fi ;;
    esac
    if [ -s "$pq_data/new.$$" ]; then
        cat "$pq_data/new.$$" >>"$pq_data/seen"
        pq_records=$(cat "$pq_data/seen" "$pq_data"/ended.* 2>/dev/null)
    fi
    rm -f "$pq_data/new.$$"
    cat "$pq_data/journal"
    awk -F'|' '$1 == "try" && $5 != "-" { print $2, $5 }' "$pq_data/journal" | while read -r pq_token pq_index; do
        echo "items|$pq_token"
        cut -d '|' -f 1-3 "$pq_data/jobs/$pq_index.index" 2>/dev/null | sed 's/^/item|/'
    done
    printf '%s\n' "$pq_records" "$pq_queue"
}
# Prints the ends of the jobs $pq_missing from the accounts, as lines of the file `seen`.
accounts() {
    SLURM_TIME_FORMAT=%s ask sacct --noheader --parsable2 --allocations --jobs="$pq_missing" \
        --format=JobID,State,ExitCode,Submit,Start,End,NodeList </dev/null 2>/dev/null | awk -F'|' -v ended="^($pq_ended_states)\$" '
        { split($2, state, " "); split($3, code, ":") }
        { reason = $2 == "CANCELLED" && $7 == "None assigned" ? "DependencyNeverSatisfied" : "" } # by Slurm: else "CANCELLED by UID"
        state[1] ~ ended { print "seen|" $1 "|" state[1] "|" reason "|" code[1] * 256 + code[2] "|" $4 "|" $5 "|" $6 "|" $7 "|||" }'
}
