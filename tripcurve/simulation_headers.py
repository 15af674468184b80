"""The names of the headers with which a request says how its backend must answer.

They are apart from `tripcurve.scenario`, because a gateway unit needs them and should not load the scenario to start.
"""

from __future__ import annotations

__all__ = ["HEADER", "INSTANCE_HEADER"]

HEADER = "x-simulation"
"""Has the simulation object as JSON, see `tripcurve.scenario.simulation`."""
INSTANCE_HEADER = "x-tripcurve-instance"
"""The local gateway writes the number of its unit into this header of a request with a simulation."""
