"""Notebook 09: which figures decide, which flatter, and whether there is a process behind the results."""
