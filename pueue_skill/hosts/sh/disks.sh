# Prints a line of `df -kP` for the home, and one for the queue's folder $pq_data, which a preceding script sets.

# shellcheck disable=SC2154 # a preceding script sets pq_data
for pq_folder in "$HOME" "$pq_data"; do
    while [ ! -d "$pq_folder" ]; do pq_folder=$(dirname "$pq_folder"); done
    df -kP "$pq_folder" | tail -n 1
done
