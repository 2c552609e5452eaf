# Prints the paths of programs in common folders that are not on PATH, a line each.

. queues/sh/lib/path.sh
. queues/sh/lib/folders.sh

pq_seen='' IFS=:
for pq_folder in $pq_folders "$HOME/bin" "$HOME"/*/bin "$HOME"/.*/bin /opt/*/bin; do
    case ":$PATH:$pq_seen:" in *":$pq_folder:"*) continue ;; esac
    pq_seen=$pq_seen:$pq_folder
    for pq_program in "$pq_folder"/*; do
        if [ -f "$pq_program" ] && [ -x "$pq_program" ]; then printf '%s\n' "$pq_program"; fi
    done
done
exit 0
