# Puts the folders of PQ_PATH (with colons between; `~/` is the home) before PATH, and sets $pq_first to them, each with a colon after it.
: "${PQ_PATH?}"

pq_first='' pq_rest=${PQ_PATH:+$PQ_PATH:}
while [ -n "$pq_rest" ]; do
    case $pq_rest in \~/*) pq_rest=$HOME/${pq_rest#\~/} ;; esac
    pq_first=$pq_first${pq_rest%%:*}:
    pq_rest=${pq_rest#*:}
done
if [ -n "$pq_first" ]; then PATH=$pq_first$PATH; fi
