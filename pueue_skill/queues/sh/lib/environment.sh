# Sets $pq_print_environment to an awk program that prints NAME=VALUE for each variable of its environment. Newlines in a value become blanks.
# shellcheck disable=SC2034 # the scripts that include this read it

pq_print_environment='BEGIN { for (name in ENVIRON) { value = ENVIRON[name]; gsub(/\n/, " ", value); print name "=" value } }'
