"""Computes every other number of a report: counts, percentiles, series, capacity, conformance, the verdict.

`summary.summarise` gathers them into the content of summary.json.
"""
