# Prints the current time, in seconds since the epoch.

date +%s
