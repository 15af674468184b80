"""Finds the trips of a run and measures them, in seconds from the run's start.

`analysis.analyse` is the entry; `touches` says what each request proves, `trip` turns proofs into open periods,
`measures` and `bounds` compute what is reported about each.
"""
