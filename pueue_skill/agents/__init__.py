"""Coding agents: a hook's event in, a reply out; the hooks installed or removed.

`clients` holds a module for each agent, which knows its formats and nothing else. What to say is decided beside them.
"""
