# Prints a line of comma-separated values of nvidia-smi for each GPU; nothing without nvidia-smi.

. queues/sh/lib/path.sh

command -v nvidia-smi >/dev/null || exit 0
nvidia-smi --query-gpu=index,name,driver_version,utilization.gpu,memory.total,memory.used,temperature.gpu --format=csv,noheader,nounits
