"""One module per agent: it decodes the agent's hook payload into an Event, encodes a Reply for it, and says how its hooks are installed."""
