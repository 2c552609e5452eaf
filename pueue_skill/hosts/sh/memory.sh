# Prints /proc/meminfo; on macOS, the size of memory in bytes, then the output of vm_stat and vm.swapusage.

if [ -r /proc/meminfo ]; then
    cat /proc/meminfo
else
    sysctl -n hw.memsize && vm_stat && sysctl -n vm.swapusage
fi
