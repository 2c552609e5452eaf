# What stands before a script that is made in Python still: see lib/head.sh.

. queues/pueue/sh/lib/head.sh
