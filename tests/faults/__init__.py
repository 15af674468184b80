"""Faults injected into whole runs: processes killed, disks that fail, targets that misbehave, clocks that jump.

`injection` runs one fault and returns what was left; `soak` runs many random ones.
"""
