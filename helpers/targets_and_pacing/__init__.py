"""Notebook 05: whether each target is one, will be reached, and by what means."""
