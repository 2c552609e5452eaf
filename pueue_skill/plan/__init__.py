"""Findings and hosts in, a Plan out: the jobs that do the same work as a command, or the reason why there are none.

A plan keeps the meaning of the command or says why it cannot. It is pure text work: it knows no queue's command line, no file, clock
or environment.
"""
