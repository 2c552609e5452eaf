# `store NAME` writes a file in jobs/, whole or not at all; reads its content from stdin, in base64.
# shellcheck disable=SC2154 # the script that includes this sets pq_data

store() { base64 -d >"$pq_data/jobs/$1.$$" && mv "$pq_data/jobs/$1.$$" "$pq_data/jobs/$1"; }
