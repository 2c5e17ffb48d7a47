"""Notebook 10: what must be decided, what became of earlier decisions, and whether acting helped."""
