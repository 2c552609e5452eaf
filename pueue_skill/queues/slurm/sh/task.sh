# Runs the work of one task of an array, in the task. Its line in the array's index file is INDEX|KEY|LABEL|WORK. WORK is text for bash, in
# base64, or `=` and the name of a file in jobs/ if it is too long for an argument.

. queues/slurm/sh/lib/run.sh

pq_line=$(grep "^$SLURM_ARRAY_TASK_ID|" "$pq_data/jobs/${pq_token%%#*}.index")
pq_key=${pq_line#*|}
begin "${pq_key%%|*}"
pq_work=${pq_line##*|}
case $pq_work in
    =*) set -- "$pq_data/jobs/${pq_work#=}" ;;
    *) set -- -c "$(printf %s "$pq_work" | base64 -d)" ;;
esac
(exec bash "$@" </dev/null 2>&3 3>&-)
finish "$?"
