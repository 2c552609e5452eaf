"""pueue 4: jobs in, sh scripts that call pueue out; pueue's answers in, job states out. Knows no host and no other queue."""
