"""The coding clients that call hooks, each a module: decode(payload) -> Event or None, encode(Reply) -> payload."""
