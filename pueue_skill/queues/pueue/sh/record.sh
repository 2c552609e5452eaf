# Prints its arguments as a record: their number and the arguments, each with a NUL after it.

printf "%s\0" "$#" "$@"
