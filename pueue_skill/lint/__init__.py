"""The rules over files: paths in, findings by file and line out, as text, JSON or SARIF. It changes no file and
contacts no host."""
