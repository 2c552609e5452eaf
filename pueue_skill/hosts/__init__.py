"""Scripts in, what a host answered out: the only package that leaves this machine, and the only one that starts processes.

It reaches hosts by OpenSSH as the user's configuration says. It knows queues only by their scripts, and nothing of batches or agents.
"""
