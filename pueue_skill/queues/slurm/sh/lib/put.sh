# `put NAME` writes a file in jobs/, whole or not at all; its content comes on standard input, in base64.
# shellcheck disable=SC2154 # the script that includes this sets pq_data

put() { base64 -d >"$pq_data/jobs/$1.$$" && mv "$pq_data/jobs/$1.$$" "$pq_data/jobs/$1"; }
