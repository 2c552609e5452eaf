# Prints the output of uptime, then the number of processors.

export LC_ALL=C
uptime
getconf _NPROCESSORS_ONLN 2>/dev/null || nproc 2>/dev/null || sysctl -n hw.ncpu
