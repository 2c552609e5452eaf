"""A manifest in, its jobs submitted, observed, resumed or cancelled; the Python API.

It computes items from a manifest, and submits them through `queues` and `hosts`. It prints nothing and knows no agent.
"""
