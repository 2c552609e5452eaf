# Prints five lines about the git checkout PQ_FOLDER (`~/` is the home): commit, time, subject, branch, number of changed files.
: "${PQ_FOLDER?}"

. queues/sh/lib/path.sh

case $PQ_FOLDER in \~/*) PQ_FOLDER=$HOME/${PQ_FOLDER#\~/} ;; esac
cd -- "$PQ_FOLDER" || exit
# Programs that the checkout's configuration names must not run, and git must not refresh the index.
git() { command git --no-optional-locks -c core.fsmonitor=false -c core.hooksPath=/dev/null "$@"; }
git log -1 --no-show-signature --format='%H%n%cI%n%s' || exit
git symbolic-ref --short -q HEAD || echo
pq_changed=$(git status --porcelain) || exit
printf '%s' "$pq_changed" | grep -c ''
exit 0
