"""Scripts in, the answers of hosts out: the only package that connects to hosts, and the only one that starts processes.

It connects with OpenSSH, as the user's ssh configuration says. It knows queues only by their scripts, and neither batches nor agents.
"""
