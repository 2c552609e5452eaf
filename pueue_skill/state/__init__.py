"""What is remembered between commands: durations, submitted jobs, notices, and the paths of all files.

In and out: values. It asks no host and prints nothing; who calls decides what an error means.
"""
