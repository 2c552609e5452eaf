"""Jobs on hosts: names of jobs and what to do with them in, states, output and outcomes out.

It selects jobs by HOST:ID, label or key, and acts on them through `queues` and `hosts`. It prints nothing and knows no batches or agents.
"""
