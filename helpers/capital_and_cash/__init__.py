"""Notebook 06: where the money sits, what it earns, and whether there will be enough of it."""
