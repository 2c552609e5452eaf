"""One module an agent: its hook payload to an Event, a Reply to its output format, and how its hooks are installed."""
