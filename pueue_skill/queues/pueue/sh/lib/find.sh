# `find_client` finds the client of pueue: PQ_PUEUE, a path or name that the configuration gives (`~/` is the home), or where installers put
# it. Leaves its path in $pq_pueue, or nothing; and in $pq_looked where it was looked for.
# shellcheck disable=SC2034 # the scripts that include this read them
: "${PQ_PUEUE?}"

find_client() {
    case $PQ_PUEUE in \~/*) PQ_PUEUE=$HOME/${PQ_PUEUE#\~/} ;; esac
    pq_looked=''
    # A bare ssh command has only the system's folders on its PATH.
    for pq_pueue in ${PQ_PUEUE:+"$PQ_PUEUE"} pueue ~/.local/bin/pueue ~/.cargo/bin/pueue /opt/homebrew/bin/pueue /usr/local/bin/pueue; do
        pq_looked="$pq_looked${pq_looked:+, }$pq_pueue"
        pq_pueue=$(command -v "$pq_pueue") || pq_pueue=''      # a step of a setup runs under set -e
        case $pq_pueue in /*) return ;; *) pq_pueue='' ;; esac # a relative name is of some project
    done
}
