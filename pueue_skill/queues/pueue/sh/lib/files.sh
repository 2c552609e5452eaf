# `put_files` writes the files that jobs need, PQ_FILES: pairs of words, the name and the content in base64. Fails at the first file that
# cannot be written.
: "${PQ_FILES?}"

. queues/sh/lib/decoded.sh
. queues/pueue/sh/lib/put.sh

put_files() {
    pq_name=''
    for pq_word in $PQ_FILES; do
        if [ -z "$pq_name" ]; then
            pq_name=$pq_word
        else
            printf '%s\n' "$pq_word" | fold -w 76 | put "$pq_name" || return 1
            pq_name=''
        fi
    done
}
