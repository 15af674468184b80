"""Conducts a run over Locust's events: prepare the target, start the traffic, gather the rows, finish.

`wiring` connects the right role to Locust: `conductor` (alone), `master`, or `worker`.
"""
