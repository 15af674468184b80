"""When requests are due: clocks, the arrival schedule, phases, and how many users Locust runs.

Schedules are pure functions of elapsed time; `alarm` and `lane` wait for the instants they name.
"""
