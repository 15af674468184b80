"""Tripcurve in Locust's own web page: the Breaker tab, the start form, and the report of the run that ended."""
