"""Values in, what people and programs see out: tables, JSON, timelines, the live screen. It decides nothing."""
