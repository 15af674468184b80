"""Benchmarks: each module has `rows()`, which measures and returns rows for the table."""
