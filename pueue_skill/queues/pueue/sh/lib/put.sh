# `put NAME` writes a file that a job needs into the folder of such files, completely or not at all. Its stdin is the content in base64.
# Needs decoded.sh.

put() {
    pq_file="$HOME/.local/share/pueue-skill/jobs/$1"
    if (umask 077 && mkdir -p "${pq_file%/*}" && decoded >"$pq_file.$$" && mv "$pq_file.$$" "$pq_file"); then return 0; fi
    rm -f "$pq_file.$$"
    return 1
}
