"""The command line: arguments in, output and an exit code out. No other package imports it."""
