# Undoes the setup of this host by its record, last change first. Prints the reply line, then `nothing` without a record, or `busy N` if N
# jobs have not ended. Otherwise prints a line `undone TEXT` for each change, `left TEXT` for what it does not remove, and `whole`.
# shellcheck disable=SC2031 # the state is that of this shell

. queues/pueue/sh/lib/provision.sh
. queues/pueue/sh/lib/provision_record.sh

short() { case $1 in "$HOME"/*) printf '~%s\n' "${1#"$HOME"}" ;; *) printf '%s\n' "$1" ;; esac }
# undone VERB TEXT
undone() { printf 'undone %s ' "$1" && short "$2"; }
left() { printf 'left ' && short "$1"; }
remove_package() {
    case $1 in
        brew) brew uninstall --quiet pueue ;;
        nix) nix --extra-experimental-features 'nix-command flakes' profile remove pueue ;;
        apk) root apk del --quiet pueue ;;
        pacman) root pacman --remove --noconfirm pueue ;;
    esac
}

{
    echo 'pueue-skill reply'
    if [ ! -s "$record" ]; then echo nothing && exit; fi
    take_record
    if [ ! -s "$record" ]; then rm -f "$lock" && rmdir "${lock%/*}" && echo nothing && exit; fi
    find_daemons >/dev/null
    if reach && grep -q '^\(unit\|detached\|agent\)' "$record" && [ "$(unfinished)" != 0 ]; then
        echo "busy $(unfinished)" && exit
    fi
    export XDG_RUNTIME_DIR="$place"
    folders=''
    # Last change first.
    changes=$(awk '{ line[NR] = $0 } END { for (i = NR; i; i--) print line[i] }' "$record")
    while IFS=$tab read -r kind first second; do
        case $kind in
            file)
                if [ ! -e "$second" ]; then continue; fi
                if [ "$(digest "$second")" != "$first" ]; then
                    left "$second, which has changed since setup"
                    continue
                fi
                rm "$second" || exit 73
                undone removed "$second"
                ;;
            backup)
                if [ ! -e "$first" ]; then continue; fi
                if [ -e "$second" ]; then
                    left "$first, the original of $second"
                    continue
                fi
                mv "$first" "$second" || exit 73
                undone restored "$second"
                ;;
            link) if [ "$(readlink "$second")" = "$first" ]; then rm "$second" && undone removed "$second"; fi ;;
            folder)
                folders="$folders
$first"
                ;;
            group) if ask group remove "$first" >/dev/null 2>&1; then undone removed "the group $first"; fi ;;
            limit) if ask parallel --group "$first" "$second" >/dev/null 2>&1; then undone reset "the limit of $first to $second"; fi ;;
            unit) user_systemctl disable --now "$first" >&2 && undone disabled "the service $first" ;;
            agent) { launchctl bootout "gui/$uid" "$first" 2>/dev/null || launchctl bootout "user/$uid" "$first"; } && undone disabled "the service" ;;
            detached)
                if ask shutdown >/dev/null 2>&1; then
                    attempts=0
                    while [ "$attempts" -lt 100 ] && ask group >/dev/null 2>&1; do sleep 0.1 && attempts=$((attempts + 1)); done
                    undone stopped "the daemon"
                fi
                ;;
            unread)
                case " $daemons " in
                    *" $first "*)
                        if ! grep -q '^\(unit\|detached\|agent\)' "$record"; then
                            left "the callback in the running daemon (process $first), until the daemon restarts"
                        fi
                        ;;
                esac
                ;;
            linger)
                loginctl --no-ask-password disable-linger "$user" 2>/dev/null || root loginctl disable-linger "$user"
                undone disabled "lingering of $user (services without a login)"
                ;;
            package) remove_package "$first" >&2 && undone removed "the package pueue of $first" ;;
        esac </dev/null
    done <<EOF
$changes
EOF
    if grep -q '^unit' "$record"; then user_systemctl daemon-reload; fi
    if [ -d "$pq_data" ]; then left "$pq_data, with the state of the queue and the output of its jobs"; fi
    rm -f "$record" "$lock"
    printf '%s\n' "$folders" | while read -r dir; do
        if [ -n "$dir" ] && rmdir "$dir" 2>/dev/null; then undone removed "$dir"; fi
    done
    echo whole
}
