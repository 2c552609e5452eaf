"""What every package may import, the hook on its fast path too: named tuples, lazy regular expressions, SHA-256, atomic files, errors.

In: values of the standard library. Out: the same, quicker to import. It knows nothing of shells, rules, queues or agents.
"""
