# `find_places` leaves in $pq_config where the configuration of pueue is, by the variables of this shell, and in $pq_data where its state
# is; `find_state` only the latter, for the configuration in $pq_config, where $pq_data is what holds without one. What the configuration
# says of it stays in $pq_set_data, what holds without one in $pq_usual_data.
# shellcheck disable=SC2034 # the scripts that include this read them

find_places() {
    if [ "$(uname)" = Darwin ]; then
        pq_config="$HOME/Library/Application Support/pueue/pueue.yml" pq_data="$HOME/Library/Application Support/pueue"
    else
        pq_config="${XDG_CONFIG_HOME:-$HOME/.config}/pueue/pueue.yml" pq_data="${XDG_DATA_HOME:-$HOME/.local/share}/pueue"
    fi
    pq_config=${PUEUE_CONFIG_PATH:-$pq_config} pq_usual_data=$pq_data
    find_state
}
find_state() {
    # One process, as this stands before every submission: the first value, without quotes.
    pq_set_data=$(sed -n -e "s/[\"']//g" -e 't plain' -e ': plain' -e 's/^ *pueue_directory: *//' -e 't found' \
        -e 's/^.*[{,] *pueue_directory: *\([^,}]*\).*/\1/' -e 't found' -e d -e ': found' -e p -e q "$pq_config" 2>/dev/null)
    case $pq_set_data in
        '' | null | \~) ;;
        \~/*) pq_data=$HOME/${pq_set_data#\~/} ;;
        *) pq_data=$pq_set_data ;;
    esac
}
