# Prints the paths of programs in folders that PATH does not lead to, a line each.

. queues/sh/lib/path.sh

pq_seen=
for pq_folder in "$HOME/.local/bin" "$HOME/.cargo/bin" "$HOME/bin" "$HOME"/*/bin "$HOME"/.*/bin /opt/homebrew/bin /usr/local/bin /opt/*/bin; do
    case ":$PATH:$pq_seen:" in *":$pq_folder:"*) continue ;; esac
    pq_seen=$pq_seen:$pq_folder
    for pq_program in "$pq_folder"/*; do
        if [ -f "$pq_program" ] && [ -x "$pq_program" ]; then printf '%s\n' "$pq_program"; fi
    done
done
exit 0
