# Examines a host for a setup of pueue. It tests whether PQ_URL, the source of releases, can be reached; if pueue 4 is installed, only with
# PQ_ALWAYS=1. Prints the reply line, one fact per line (provision.sh), the fact `mark`, a digest of these without the record, and the facts
# that may change at any time.
: "${PQ_URL?}" "${PQ_ALWAYS?}"

. queues/pueue/sh/lib/provision.sh

# Facts that may change at any time.
print_variable_facts() {
    find_daemons >/dev/null
    if reach; then fact unfinished "$(unfinished)"; fi
    dir=$pq_bin
    until [ -d "$dir" ]; do dir=${dir%/*}; done
    fact room "$(df -Pk "$dir" | awk 'NR == 2 { print $4 }')"
    if [ -z "$PQ_ALWAYS" ]; then
        case $(version "$pueue")$(version "$pueued") in 4.*4.*) return ;; esac
    fi
    if has curl; then
        if curl --silent --head --max-time 8 --output /dev/null "$PQ_URL"; then fact network yes; fi
    elif has wget; then
        output=$(wget -q --spider -T 8 -t 1 "$PQ_URL" 2>&1)
        case $?$output in 0* | 8* | *'server returned'*) fact network yes ;; esac
    fi
}

echo 'pueue-skill reply'
pq_facts=$(print_facts)
printf '%s\n' "$pq_facts"
fact mark "$(mark "$pq_facts")"
print_variable_facts
