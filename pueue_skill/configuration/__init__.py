"""What users write: configuration files in, the values that the other packages work with out.

It knows the files' format, errors and cache; it asks no host.
"""
