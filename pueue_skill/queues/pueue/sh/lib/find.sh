# `find_client` leaves the path of pueue's client in $pq_pueue, or an empty text, and the places where it searched in $pq_looked:
# PQ_PUEUE, a path or name from the configuration (`~/` is the home), PATH, and the folders of folders.sh.
# shellcheck disable=SC2034 # the scripts that include this read them
: "${PQ_PUEUE?}"

. queues/sh/lib/folders.sh

find_client() {
    case $PQ_PUEUE in \~/*) PQ_PUEUE=$HOME/${PQ_PUEUE#\~/} ;; esac
    pq_looked='' pq_more=$pq_folders:
    if [ -n "$PQ_PUEUE" ] && is_client "$PQ_PUEUE"; then return; fi
    if is_client pueue; then return; fi
    while [ -n "$pq_more" ]; do
        if is_client "${pq_more%%:*}/pueue"; then return; fi
        pq_more=${pq_more#*:}
    done
}
# is_client PATH: whether that is a program; a relative path would be a project's. Leaves the path in $pq_pueue.
is_client() {
    pq_looked="$pq_looked${pq_looked:+, }$1"
    pq_pueue=$(command -v "$1") || pq_pueue=''
    case $pq_pueue in
        /*) return 0 ;;
        *) pq_pueue='' ;;
    esac
    return 1
}
