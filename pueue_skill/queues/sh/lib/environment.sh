# Leaves in $pq_print_environment a program of awk that prints a line NAME=VALUE for each variable that awk is given; newlines in a value
# become blanks.
# shellcheck disable=SC2034 # the scripts that include this read it

pq_print_environment='BEGIN { for (name in ENVIRON) { value = ENVIRON[name]; gsub(/\n/, " ", value); print name "=" value } }'
