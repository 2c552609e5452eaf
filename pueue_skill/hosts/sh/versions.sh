# Prints the versions of the system and of programs that jobs often use, a line each.

. queues/sh/lib/path.sh

PATH=$PATH:$HOME/.local/bin:$HOME/.cargo/bin
echo "system $(uname -sr)"
for pq_program in python3 uv git; do
    if command -v "$pq_program" >/dev/null; then "$pq_program" --version; fi
done
exit 0
