# Prints a line for each process: ID, ID of its parent, elapsed time, command line.

ps -A -o pid=,ppid=,etime=,args=
