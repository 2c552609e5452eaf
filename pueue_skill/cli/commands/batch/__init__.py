"""`batch`: a module for each action, and `command`, which loads the manifest and calls them."""
