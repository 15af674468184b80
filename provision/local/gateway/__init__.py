"""The data plane: one gateway unit takes requests, runs the policies, and forwards to backends through their breakers.

`unit` is the way of a request; `shed` writes the answer of an open breaker.
"""
