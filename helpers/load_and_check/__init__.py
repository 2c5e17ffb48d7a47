"""Notebook 01: what came in, what was set aside, and how far the figures can be believed."""
