# Takes back what a setup has made on this host, by its record: the last that was made first. Prints the reply line, then `nothing` where there is no record, `busy N` where N jobs have not
# ended; else a line a thing, and `whole` at the end.
# shellcheck disable=SC2031 # the state is that of this shell

. queues/pueue/sh/lib/provision.sh
. queues/pueue/sh/lib/provision_record.sh

short() { case $1 in "$HOME"/*) printf '~%s\n' "${1#"$HOME"}" ;; *) printf '%s\n' "$1" ;; esac }
undid() { printf 'took back ' && short "$1"; }
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
    look_for_daemons >/dev/null
    if reach && grep -q '^\(unit\|detached\|agent\)' "$record" && [ "$(unfinished)" != 0 ]; then
        echo "busy $(unfinished)" && exit
    fi
    export XDG_RUNTIME_DIR="$place"
    folders=''
    # The last that was made goes first.
    undone=$(awk '{ line[NR] = $0 } END { for (i = NR; i; i--) print line[i] }' "$record")
    while IFS=$tab read -r kind first second; do
        case $kind in
            file)
                if [ ! -e "$second" ]; then continue; fi
                if [ "$(digest "$second")" != "$first" ]; then
                    left "$second, which was changed since"
                    continue
                fi
                rm "$second" || exit 73
                undid "$second"
                ;;
            backup)
                if [ ! -e "$first" ]; then continue; fi
                if [ -e "$second" ]; then
                    left "$first, which $second was before"
                    continue
                fi
                mv "$first" "$second" || exit 73
                printf 'put back ' && short "$second"
                ;;
            link) if [ "$(readlink "$second")" = "$first" ]; then rm "$second" && undid "$second"; fi ;;
            folder)
                folders="$folders
$first"
                ;;
            group) if ask group remove "$first" >/dev/null 2>&1; then undid "the group $first"; fi ;;
            limit) if ask parallel --group "$first" "$second" >/dev/null 2>&1; then undid "the limit of $first: $second again"; fi ;;
            unit) user_systemctl disable --now "$first" >&2 && undid "the service $first" ;;
            agent) { launchctl bootout "gui/$uid" "$first" 2>/dev/null || launchctl bootout "user/$uid" "$first"; } && undid "the service" ;;
            detached)
                if ask shutdown >/dev/null 2>&1; then
                    turns=0
                    while [ "$turns" -lt 100 ] && ask group >/dev/null 2>&1; do sleep 0.1 && turns=$((turns + 1)); done
                    undid "the daemon"
                fi
                ;;
            unread)
                case " $daemons " in
                    *" $first "*)
                        if ! grep -q '^\(unit\|detached\|agent\)' "$record"; then
                            left "the callback in the daemon that runs (process $first), which forgets it when it is started anew"
                        fi
                        ;;
                esac
                ;;
            linger)
                loginctl --no-ask-password disable-linger "$user" 2>/dev/null || root loginctl disable-linger "$user"
                undid "that services of $user run without a login"
                ;;
            package) remove_package "$first" >&2 && undid "the package pueue of $first" ;;
        esac </dev/null
    done <<EOF
$undone
EOF
    if grep -q '^unit' "$record"; then user_systemctl daemon-reload; fi
    if [ -d "$pq_data" ]; then left "$pq_data, the queue's state and the output of its jobs"; fi
    rm -f "$record" "$lock"
    printf '%s\n' "$folders" | while read -r at; do
        if [ -n "$at" ] && rmdir "$at" 2>/dev/null; then undid "$at"; fi
    done
    echo whole
}
