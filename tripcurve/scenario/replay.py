"""Loads scenarios that may replay a trace.

Only those that do import numpy and pyarrow: they take a third of a second.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

from tripcurve.errors import BadInput
from tripcurve.lab import Lab
from tripcurve.scenario import SCENARIOS, Phase, Replay, Scenario, load_scenario
from tripcurve.shipped import find_file

if TYPE_CHECKING:
    from tripcurve.scenario.trace import Trace

__all__ = ["load_replay", "trace_path"]


def _replaying(scenario: Scenario, file: str) -> Scenario:
    """Return a scenario that replays a file instead of the loads of its phases, whose names, lengths and faults stay.

    Raises BadInput if no user class of the scenario could send the requests.
    """
    if not any(count for name, count in scenario.users.items() if name != "ProbeUser"):
        raise BadInput(f"scenario {scenario.name}: users: a trace needs users to send it, such as {{ChatUser: 20}}")
    replay = (scenario.trace or Replay(file=file)).model_copy(update={"file": file})
    bare = {"rate": None, "requests": None, "users": None}
    phases = tuple(phase.model_copy(update=bare) for phase in scenario.phases)
    return scenario.model_copy(update={"trace": replay, "phases": phases, "arrivals": "constant"})


def load_replay(name: str | Path, lab: Lab, file: str = "") -> tuple[Scenario, Trace | None]:
    """Load a scenario for a lab, and the trace that it replays; None: it replays none.

    `file`: the trace to replay instead of the loads of the scenario's phases, whose names, lengths and faults stay;
    empty: the one that the scenario names, looked up from its folder before the working directory. With `trace.whole`
    the last phase becomes as long as the trace needs. Raises BadInput naming file, field and remedy.
    """
    scenario = load_scenario(name, lab)
    if file:
        scenario = _replaying(scenario, file)
    if scenario.trace is None:
        return scenario, None
    path = Path(file) if file else trace_path(scenario.trace, name)
    from tripcurve.scenario.trace import Trace
    from tripcurve.scenario.trace_file import read_sent

    trace = Trace.of(read_sent(path), scenario.trace, path)
    return (_whole(scenario, trace.length_s) if scenario.trace.whole else scenario), trace


def trace_path(replay: Replay, name: str | Path) -> Path:
    """Return the path of a scenario's trace: in the scenario's folder if it is there. `name`: the scenario's."""
    path = Path(replay.file)
    beside = find_file(name, SCENARIOS, ".yaml", "scenario").parent / path
    return beside if beside.exists() else path


def _whole(scenario: Scenario, length_s: float) -> Scenario:
    last: Phase = scenario.phases[-1]
    needed = length_s - (scenario.duration_s - last.duration_s)
    phases = (*scenario.phases[:-1], last.model_copy(update={"duration_s": max(needed, 1.0)}))
    if not math.isfinite(needed) or needed > 7 * 86_400:
        raise BadInput(f"scenario {scenario.name}: the trace lasts {length_s / 86_400:.1f} days; at most 7")
    return scenario.model_copy(update={"phases": phases})
