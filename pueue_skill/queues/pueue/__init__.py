"""pueue: jobs to sh scripts that call pueue, and pueue's answers to states. Knows nothing of hosts or of other queues."""
