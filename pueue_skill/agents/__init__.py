"""Coding agents: a hook's event in, a reply out; the hooks installed or removed.

`clients` holds a module for each agent, which knows its formats and nothing else. The modules next to it decide what to reply.
"""
