# Prints the time, in seconds of the epoch.

date +%s
