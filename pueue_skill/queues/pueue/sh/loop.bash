# Part of an invocation: `pq_next` builds the job of the next iteration of a shell loop. It reads the values of the iteration from stdin
# (lib/record.bash), and leaves the work in $pq_work, escaped for single quotes, and the label in $pq_label. It fails after the last
# iteration. PQ_VALUES and PQ_LABEL are formats of printf for the values: assignments to the loop's variables, and the label. PQ_WORK is
# the body.
# shellcheck disable=SC2034 # the invocation reads pq_label
: "${PQ_VALUES:?}" "${PQ_LABEL?}" "${PQ_WORK:?}"

. queues/pueue/sh/lib/record.bash

pq_next() {
    pq_record || return
    # shellcheck disable=SC2059 # they are formats
    printf -v pq_work "$PQ_VALUES" "${pq_values[@]}"
    pq_quote "$pq_work$PQ_WORK"
    # shellcheck disable=SC2059
    printf -v pq_label "$PQ_LABEL" "${pq_values[@]}"
    case $pq_label in *[![:print:]]*) printf -v pq_label %q "$pq_label" ;; esac # a label is one line of UTF-8
}
