# Records which jobs of the batch PQ_NAME start from scratch at their next run: PQ_KEYS, one key per line. Prints the reply line.
: "${PQ_NAME:?}" "${PQ_KEYS?}"

pq_folder=$HOME/.local/share/pueue-skill/batches
(umask 077 && mkdir -p "$pq_folder") || exit 74
printf '%s\n' "$PQ_KEYS" >"$pq_folder/$PQ_NAME.refresh.$$"
mv "$pq_folder/$PQ_NAME.refresh.$$" "$pq_folder/$PQ_NAME.refresh" && echo 'pueue-skill reply'
