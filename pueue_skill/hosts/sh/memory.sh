# Prints /proc/meminfo; on macOS the bytes of memory, then what vm_stat and vm.swapusage say.

if [ -r /proc/meminfo ]; then
    cat /proc/meminfo
else
    sysctl -n hw.memsize && vm_stat && sysctl -n vm.swapusage
fi
