# Prints the time of the last boot, in seconds since the epoch.

if [ -r /proc/stat ]; then
    sed -n 's/^btime //p' /proc/stat
else
    sysctl -n kern.boottime | sed 's/^.* sec = \([0-9]*\).*$/\1/'
fi
