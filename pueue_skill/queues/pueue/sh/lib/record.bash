# `pq_record` reads one record from stdin into the array pq_values: the number of values, then the values, each with a NUL after it, as
# record.sh prints them. It fails at the end of the input. `pq_quote TEXT` leaves TEXT in $pq_work, with single quotes escaped for a text
# in single quotes. $pq_iteration is the number of the iteration.
# shellcheck disable=SC2034 # the invocation reads pq_work and pq_iteration

pq_iteration=0 pq_single="'\''"
pq_record() {
    pq_values=()
    IFS= read -r -d '' pq_count || return
    while ((pq_count-- > 0)); do
        IFS= read -r -d '' pq_value
        pq_values+=("$pq_value")
    done
}
pq_quote() {
    pq_work=$1
    pq_work=${pq_work//\'/"$pq_single"}
}
