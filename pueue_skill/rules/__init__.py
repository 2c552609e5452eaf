"""Commands in, Findings out: which commands belong in a job queue, and why.

The gate decides for a whole text before anything else is imported; each family of rules is a module, listed in
`registry`. Rules only judge: they know neither plans nor queues, and read no file, clock or environment.
"""
