# Prints when the host was started, in seconds of the epoch.

if [ -r /proc/stat ]; then
    sed -n 's/^btime //p' /proc/stat
else
    sysctl -n kern.boottime | sed 's/^.* sec = \([0-9]*\).*$/\1/'
fi
