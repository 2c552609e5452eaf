# Runs the shell command PQ_COMMAND of the user's configuration.
: "${PQ_COMMAND?}"

. queues/sh/lib/path.sh

eval "$PQ_COMMAND"
