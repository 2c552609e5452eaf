# `pause` ends one round of a polling loop: it counts the rounds in $pq_turns and sleeps, longer after more rounds. (pueue itself checks its jobs
# every 0.3 s.)

pause() {
    pq_turns=$((pq_turns + 1))
    if [ "$pq_turns" -lt 20 ]; then sleep 0.1; elif [ "$pq_turns" -lt 50 ]; then sleep 0.2; else sleep 0.3; fi
}
