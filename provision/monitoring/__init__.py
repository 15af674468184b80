"""Fetches what Azure recorded of a run: the gateway's log from Log Analytics, breaker events from a storage queue.

`export.fetch_export` writes either as a file that `tripcurve truth RUN --from FILE` reads.
"""
