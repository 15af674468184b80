"""Reads a run directory: its requests in pieces, on one clock, each with its origin.

Start at `run.load`. `decisive` selects the few requests from which trips are found.
"""
