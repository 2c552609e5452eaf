"""Values in; tables, JSON, timelines and the live screen out, for people and programs. It decides nothing."""
