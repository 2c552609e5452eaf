"""Findings and hosts in, a Plan out: the jobs that do the same work as a command, or the reason for none.

A plan keeps the meaning of the command, or gives the reason why it cannot. All of it is pure text work: the package
knows no queue's command line, file, clock or environment.
"""
