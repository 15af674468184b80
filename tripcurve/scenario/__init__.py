"""The scenario: phases in which traffic and faults change together, and the values derived from them without a clock.

`Scenario` is the whole file and `load_scenario` reads it; the arrival times, the checks, the simulation header and the
search for a rate are in modules of their own.
"""

from tripcurve.scenario.model import (
    SCENARIOS,
    BelowCount,
    Bursts,
    Fault,
    Gamma,
    Phase,
    Probe,
    Ramp,
    Replay,
    Scenario,
    Tokens,
    load_scenario,
    read_scenario,
    simulation_of,
)

__all__ = [
    "SCENARIOS",
    "BelowCount",
    "Bursts",
    "Fault",
    "Gamma",
    "Phase",
    "Probe",
    "Ramp",
    "Replay",
    "Scenario",
    "Tokens",
    "load_scenario",
    "read_scenario",
    "simulation_of",
]
