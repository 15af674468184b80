"""Computes every other number of a report: counts, percentiles, series, capacity, conformance, the verdict.

`summary.summarise` puts them together as the content of summary.json.
"""
