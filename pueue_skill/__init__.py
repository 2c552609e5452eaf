"""pueue-skill: shell commands in, exact job-queue invocations out, their results back."""

__version__ = "0.1.0"
