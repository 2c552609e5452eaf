"""What the hook may import on its fast path: named tuples, regular expressions compiled on first use, SHA-256, atomic files.

In: values of the standard library. Out: the same, faster to import. It knows nothing of shells, rules, queues or agents.
"""
