# Runs the user's own line PQ_COMMAND, and prints what it prints.
: "${PQ_COMMAND?}"

. queues/sh/lib/path.sh

eval "$PQ_COMMAND"
