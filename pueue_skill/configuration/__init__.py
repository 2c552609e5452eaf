"""Configuration files in, the values that other packages work with out.

It knows the keys, formats, errors and cache of the files; it asks no host. schema.py has the keys, config.py loads the files, and settings.py
keeps the loaded values in a cache for the hook and for commands that must start fast.
"""
