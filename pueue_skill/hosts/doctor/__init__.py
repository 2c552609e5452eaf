"""What keeps a host's queue from working: a host in, checks with a cause and a fix out. Looking changes nothing."""
