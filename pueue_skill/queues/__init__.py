"""Jobs in, scripts for a queue out; what a queue prints in, states of jobs out.

Each kind of queue is a package that implements the protocol, and a line in `registry`. Everything here is pure: scripts are text, and it
does not know who runs them, or on which host.
"""
