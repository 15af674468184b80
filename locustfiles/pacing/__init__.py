"""Decides when requests are due: clocks, the arrival schedule, phases, and how many users Locust runs.

Schedules are pure functions of elapsed time; only `alarm` and `lane` wait.
"""
