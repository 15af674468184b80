"""Reads a run directory: its requests in pieces, on one clock, each with its origin.

`run.load` is the entry; `decisive` chooses the few requests from which trips are found.
"""
