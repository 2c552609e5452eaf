# Prints the records of one job, as in records.sh: `attempt ID` prints its submission, `ends ID` its end, both as Slurm reported it and as the
# job recorded it, `show ID` both and its line in squeue. Include site.sh first.
# shellcheck disable=SC2154 # site.sh sets pq_data

attempt() {
    awk -F'|' -v id="${1%%_*}" '
        $1 == "try" { try[$2] = $0 }
        $1 == "id" && $3 == id { print try[$2]; print; split(try[$2], part, "|"); if (part[5] != "-") print "index|" $2 "|" part[5] }
    ' "$pq_data/journal" | while IFS='|' read -r pq_what pq_token pq_index; do
        if [ "$pq_what" != index ]; then
            printf '%s|%s|%s\n' "$pq_what" "$pq_token" "$pq_index"
            continue
        fi
        echo "items|$pq_token"
        grep "^${1#*_}|" "$pq_data/jobs/$pq_index.index" | cut -d '|' -f 1-3 | sed 's/^/item|/'
    done
}
ends() { cat "$pq_data/seen" "$pq_data"/ended.* 2>/dev/null | grep -e "^ended|$1|" -e "^seen|$1|"; }
show() {
    attempt "$1"
    ends "$1"
    queue --jobs="$1" 2>/dev/null
}
