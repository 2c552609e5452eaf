# `pause` ends a turn of a loop that looks for news: it counts the turn in $pq_turns, and sleeps the longer the more there were. (pueue
# itself looks at its jobs every 0.3 s.)

pause() {
    pq_turns=$((pq_turns + 1))
    if [ "$pq_turns" -lt 20 ]; then sleep 0.1; elif [ "$pq_turns" -lt 50 ]; then sleep 0.2; else sleep 0.3; fi
}
