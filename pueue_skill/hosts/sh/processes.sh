# Prints a line for each process: id, id of its parent, elapsed time, command line.

ps -A -o pid=,ppid=,etime=,args=
