"""Notebook 08: where stock lies still or is missing, and what sending and taking back cost."""
