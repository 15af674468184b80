"""Tripcurve's core: lab and scenario models, breaker, pool, and the files of a run. It opens no sockets."""

__version__ = "0.1.0"
