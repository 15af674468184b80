"""Tripcurve's core: lab and scenario models, breaker, pool, the record of a run. No sockets."""

__version__ = "0.1.0"
