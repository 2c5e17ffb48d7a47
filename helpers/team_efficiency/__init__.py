"""Notebook 04: what teams bring for what they cost, and what targets make people do."""
