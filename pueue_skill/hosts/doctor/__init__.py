"""Finds problems of a host's queue and of the ssh connection to it: a host in, health checks with a cause and a fix out. Read-only."""
