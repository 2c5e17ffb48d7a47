"""Targets: what was aimed for, and whether it is a target that means something."""
