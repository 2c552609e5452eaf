"""The commands of pueue-skill, a module each; `kill`, `restart`, `clean`, `pause` and `start` share `actions`. The registry is `cli/main.py`."""
