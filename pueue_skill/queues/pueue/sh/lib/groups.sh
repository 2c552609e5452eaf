# `add_groups` creates the groups of PQ_GROUPS, a line `LIMIT NAME` each, that are not in the queue, whose state is on stdin as JSON.
: "${PQ_GROUPS?}"

add_groups() {
    pq_present=$(grep -o '"[^"]*":{"status":"')
    printf '%s\n' "$PQ_GROUPS" | while read -r pq_limit pq_group; do
        case $pq_present in *"\"$pq_group\":{"*) continue ;; esac
        if [ -n "$pq_group" ]; then ask group add --parallel "$pq_limit" -- "$pq_group" >/dev/null 2>&1; fi
    done
}
