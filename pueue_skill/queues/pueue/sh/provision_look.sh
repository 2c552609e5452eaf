# Looks at a host that is to have a pueue queue. PQ_URL is where releases are fetched from: whether it is reached is found out, with
# PQ_ALWAYS=1 even where pueue 4 is there already. Prints the reply line, a fact a line (provision.sh), a fact `mark` that changes whenever
# one of those does, and facts that come and go by themselves.
: "${PQ_URL?}" "${PQ_ALWAYS?}"

. queues/pueue/sh/lib/provision.sh

# What comes and goes by itself.
look_around() {
    look_for_daemons >/dev/null
    if reach; then fact unfinished "$(unfinished)"; fi
    at=$pq_bin
    until [ -d "$at" ]; do at=${at%/*}; done
    fact room "$(df -Pk "$at" | awk 'NR == 2 { print $4 }')"
    if [ -z "$PQ_ALWAYS" ]; then
        case $(version "$pueue")$(version "$pueued") in 4.*4.*) return ;; esac
    fi
    if has curl; then
        if curl --silent --head --max-time 8 --output /dev/null "$PQ_URL"; then fact network yes; fi
    elif has wget; then
        said=$(wget -q --spider -T 8 -t 1 "$PQ_URL" 2>&1)
        case $?$said in 0* | 8* | *'server returned'*) fact network yes ;; esac
    fi
}

echo 'pueue-skill reply'
pq_seen=$(look)
printf '%s\n' "$pq_seen"
fact mark "$(mark "$pq_seen")"
look_around
