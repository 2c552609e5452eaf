"""A manifest in, its jobs submitted, observed, resumed or cancelled; the Python API.

`items` computes the items of a manifest; `submission`, `states` and `actions` use the hosts. Nothing here prints or knows agents.
"""
