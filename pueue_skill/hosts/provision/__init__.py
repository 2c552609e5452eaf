"""A host in, a host with a queue out: plans the missing steps, runs them, tests the queue with a job, and can undo it all."""
