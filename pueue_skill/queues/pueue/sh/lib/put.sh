# `put NAME` writes a file that a job needs to the folder of such files, whole or not at all; its content comes on standard input, in
# base64. decoded.sh is to stand before it.

put() {
    pq_file="$HOME/.local/share/pueue-skill/jobs/$1"
    if (umask 077 && mkdir -p "${pq_file%/*}" && decoded >"$pq_file.$$" && mv "$pq_file.$$" "$pq_file"); then return 0; fi
    rm -f "$pq_file.$$"
    return 1
}
