"""Finds the trips of a run and measures them, in seconds from the run's start.

Start at `analysis.analyse`. `touches` finds what each request proves, `instance_count` infers how many breakers there
are, `periods` and `units` turn proofs into open periods, and `measures` and `bounds` compute the measures of each.
"""
