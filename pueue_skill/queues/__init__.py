"""Jobs in, scripts for a queue out; what a queue prints in, states of jobs out.

Each kind of queue is a package that meets the protocol, and a line in `registry`. All of it is pure: scripts are text, and who runs them,
and where, is not known here.
"""
