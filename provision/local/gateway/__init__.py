"""The data plane: a gateway unit receives requests, runs policies and forwards to backends through their breakers.

`unit` shows the path of a request, and `shed` writes the answer of an open breaker.
"""
