"""Notebook 07: who comes back, what a customer leaves, and whom the shop is about to lose."""
