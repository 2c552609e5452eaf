# Part of an invocation: `pq_next` builds the job of the next call of xargs. It reads the items of the call from stdin (lib/record.bash),
# and leaves the work in $pq_work, escaped for single quotes. It fails after the last call. The first record has the words of the command
# that xargs runs. In these, an item replaces PQ_PLACEHOLDER; if that is empty, the items are appended. PQ_BEFORE is the part of the work
# before the command.
: "${PQ_PLACEHOLDER?}" "${PQ_BEFORE?}"

. queues/pueue/sh/lib/record.bash

pq_record
pq_words=("${pq_values[@]}")
pq_next() {
    pq_record || return
    if [ -n "$PQ_PLACEHOLDER" ]; then
        pq_call=("${pq_words[0]}")
        for pq_word in "${pq_words[@]:1}"; do
            pq_word=${pq_word//"$PQ_PLACEHOLDER"/"${pq_values[0]}"}
            pq_call+=("$pq_word")
        done
    else
        pq_call=("${pq_words[@]}" "${pq_values[@]}")
    fi
    printf -v pq_work '%q ' "${pq_call[@]}"
    pq_quote "$PQ_BEFORE$pq_work"
}
