"""Conducts a run through Locust's events: prepare the target, start the traffic, collect the rows, finish.

`wiring` connects the right role to Locust: `conductor` (alone), `master`, or `worker`.
"""
