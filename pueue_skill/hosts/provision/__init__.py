"""A host in, a host with a queue out: the steps that are missing are planned, carried out and proven, or taken back."""
