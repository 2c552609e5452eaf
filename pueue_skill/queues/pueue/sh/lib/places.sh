# `find_places` leaves the path of pueue's configuration in $pq_config, by the variables of this shell, and the folder of its state in
# $pq_data. `find_state` sets only $pq_data, by the configuration $pq_config; before, $pq_data is the default. The folder in the
# configuration is in $pq_set_data, the default in $pq_default_data.
# shellcheck disable=SC2034 # the scripts that include this read them

find_places() {
    if [ "$(uname)" = Darwin ]; then
        pq_config="$HOME/Library/Application Support/pueue/pueue.yml" pq_data="$HOME/Library/Application Support/pueue"
    else
        pq_config="${XDG_CONFIG_HOME:-$HOME/.config}/pueue/pueue.yml" pq_data="${XDG_DATA_HOME:-$HOME/.local/share}/pueue"
    fi
    pq_config=${PUEUE_CONFIG_PATH:-$pq_config} pq_default_data=$pq_data
    find_state
}
find_state() {
    # One process, as every submission runs it. Prints the first value, without quotes.
    pq_set_data=$(sed -n -e "s/[\"']//g" -e 't plain' -e ': plain' -e 's/^ *pueue_directory: *//' -e 't found' \
        -e 's/^.*[{,] *pueue_directory: *\([^,}]*\).*/\1/' -e 't found' -e d -e ': found' -e p -e q "$pq_config" 2>/dev/null)
    case $pq_set_data in
        '' | null | \~) ;;
        \~/*) pq_data=$HOME/${pq_set_data#\~/} ;;
        *) pq_data=$pq_set_data ;;
    esac
}
