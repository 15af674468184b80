"""`tripcurve simulate`: simulates a scenario on a lab in virtual time, and records it as an ordinary run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
from pydantic import JsonValue

from simulator.engines import Engine
from simulator.fast.limits import obstacle
from simulator.fast.run import run_fast
from simulator.fleet import play_fleet
from simulator.gateway_policy import gateway_retries
from simulator.record import batches_of, calls_of, write_run
from simulator.virtual import VirtualEvent, run_virtual
from tripcurve.breaker import Opened
from tripcurve.errors import BadInput
from tripcurve.gateways import is_default
from tripcurve.lab import Lab, load_lab, policy_path
from tripcurve.lab.model import LABS
from tripcurve.run.info import CallCounts
from tripcurve.scenario import Bursts, Scenario, load_scenario
from tripcurve.scenario.clients import CLIENTS
from tripcurve.scenario.replay import load_replay
from tripcurve.scenario.trace import Trace
from tripcurve.shipped import find_file

__all__ = ["METHODS", "count_outcomes", "lab_and_retries", "play", "simulate", "with_units"]

METHODS = ("fast", "reference")

MOST_REQUESTS = {"reference": 20_000_000, "fast": 2_000_000_000}
"""The most requests in a run: the reference method needs 1 KB of memory for each, the fast one 10 bytes on disk."""
MOST_COUNTED = 10**15
"""The most requests that are only counted: each request draws its random numbers by its own number of 64 bits."""


def simulate(
    lab_name: str,
    scenario_name: str,
    *,
    seed: int = 0,
    clients: str | None = None,
    retries: int | None = None,
    units: int | None = None,
    method: str | None = None,
    run_dir: Path | None = None,
) -> tuple[Path, dict[str, object]]:
    """Simulate a run and write its directory; return the directory and the result to print.

    `clients` replaces the scenario's users by one kind (a key of CLIENTS), `retries` its `max_retries`, and `units` the
    lab's; None keeps them. `method`: fast or reference; None: fast if that can simulate it, else reference. `run_dir`
    None: a new folder. Raises BadInput for anything that cannot be simulated.
    """
    lab, attempts = lab_and_retries(lab_name, units)
    scenario, trace = load_replay(scenario_name, lab)
    scenario = _scenario(scenario, clients, retries)
    chosen, reason = _method(method, obstacle(lab, scenario, attempts))
    _refuse_too_many(scenario, chosen)
    events, batches, calls = play(lab, scenario, trace, chosen, seed, attempts)
    simulation: dict[str, JsonValue] = {"method": chosen, "seed": seed, "gateway_retries": attempts, "units": lab.units}
    folder, rows = write_run(run_dir, lab, scenario, events, batches, simulation, calls)
    result: dict[str, object] = {"run": str(folder), "target": "simulated", **simulation, "requests": rows}
    return folder, result | ({} if reason is None else {"why_not_fast": reason}) | _trips(events)


def count_outcomes(
    lab_name: str, scenario_name: str, *, seed: int = 0, units: int | None = None, engine: Engine | None = None
) -> dict[str, object]:
    """Simulate transitions and counts only, and return the result to print.

    `engine`: where it is computed; None: on all cores. The numbers of requests and sheds are expected values. Raises
    BadInput if the fast method cannot simulate it.
    """
    lab, attempts = lab_and_retries(lab_name, units)
    scenario = load_scenario(scenario_name, lab)
    if scenario.trace is not None:
        raise BadInput(f"--no-rows: scenario {scenario.name} replays a trace, request by request; leave --no-rows out")
    reason = obstacle(lab, scenario, attempts)
    if reason is not None:
        raise BadInput(f"--no-rows: {reason}; leave it out to simulate with the reference method")
    expected = _expected(scenario)
    most = MOST_REQUESTS["reference"] if _is_listed(scenario) else MOST_COUNTED
    if expected > most:
        raise BadInput(
            f"scenario {scenario.name}: {expected:.3g} requests are too many to count (at most {most:.0g}); "
            "shorten its phases or lower its rates"
        )
    fleet = play_fleet(lab, scenario, seed=seed, engine=engine)
    first = fleet.tripped_by(0.0)
    return {
        "target": "simulated",
        "seed": seed,
        "units": lab.units,
        "requests": round(fleet.requests),
        "shed": round(fleet.shed),
        "failures": fleet.failures,
        "trips": fleet.trips,
        "units_tripped": int((fleet.first_trip_s < math.inf).sum()),
        "first_trip_s": first,
        "half_of_units_tripped_s": fleet.tripped_by(0.5),
        "99_percent_of_units_tripped_s": fleet.tripped_by(0.99),
    }


def _method(wanted: str | None, reason: str | None) -> tuple[str, str | None]:
    """Return the method to use, and why it is not the fast one (None: it is, or was not wanted).

    Raises BadInput if the wanted method is unknown or cannot simulate the run.
    """
    if wanted is not None and wanted not in METHODS:
        raise BadInput(f"--method {wanted!r} is not known; give one of: {', '.join(METHODS)}")
    if wanted == "fast" and reason is not None:
        raise BadInput(f"--method fast: {reason}; use --method reference")
    if wanted == "reference":
        return wanted, None
    return ("fast", None) if reason is None else ("reference", reason)


def play(
    lab: Lab, scenario: Scenario, trace: Trace | None, method: str, seed: int, attempts: int
) -> tuple[list[VirtualEvent], Iterable[pa.RecordBatch], dict[str, CallCounts] | None]:
    """Simulate a run: the true events of its breakers, its rows, and calls by class; None: not counted."""
    if method == "fast":
        fast = run_fast(lab, scenario, seed=seed, trace=trace)
        return fast.events(), fast.batches(), None
    run = run_virtual(lab, scenario, seed=seed, retries=attempts, trace=trace)
    return run.events, batches_of(run), calls_of(run)


def _trips(events: list[VirtualEvent]) -> dict[str, object]:
    opened = [entry.event.at for entry in events if isinstance(entry.event, Opened)]
    return {"trips": len(opened), "first_trip_s": opened[0] if opened else None}


def lab_and_retries(name: str, units: int | None = None) -> tuple[Lab, int]:
    """Return the lab, with `units` if given, and the retries that its gateway policy makes."""
    lab = load_lab(name)
    policy = policy_path(lab, find_file(name, LABS, ".yaml", "lab"))
    if units is not None:
        lab = with_units(lab, units)
    return lab, gateway_retries(policy) if is_default(lab) else 0


def with_units(lab: Lab, units: int) -> Lab:
    """Return the lab with this number of gateway units. Raises BadInput for less than 1 or more than 100,000."""
    if not 1 <= units <= 100_000:
        raise BadInput(f"--units must be 1 to 100,000, not {units}")
    gateway = lab.gateway.model_copy(update={"units": units})
    local = lab.local.model_copy(update={"unit_count_override": None})
    return lab.model_copy(update={"gateway": gateway, "local": local})


def _scenario(scenario: Scenario, clients: str | None, retries: int | None) -> Scenario:
    changes: dict[str, object] = {}
    if clients is not None:
        if clients not in CLIENTS:
            raise BadInput(f"--clients {clients!r} is not known; give one of: {', '.join(CLIENTS)}")
        others = {name: count for name, count in scenario.users.items() if name == "ProbeUser"}
        total = sum(scenario.users.values()) - sum(others.values())
        changes["users"] = {CLIENTS[clients]: max(total, 1)} | others
    if retries is not None:
        if not 0 <= retries <= 10:
            raise BadInput(f"--retries must be 0 to 10, not {retries}")
        changes["max_retries"] = retries
    return scenario.model_copy(update=changes)


def _refuse_too_many(scenario: Scenario, method: str) -> None:
    expected, most = _expected(scenario), MOST_REQUESTS["reference" if _is_listed(scenario) else method]
    if expected > most:
        raise BadInput(
            f"scenario {scenario.name}: about {expected:,.0f} requests are too many for a run recorded by the {method} "
            f"method (at most {most:,}); shorten its phases or lower its rates"
        )


def _is_listed(scenario: Scenario) -> bool:
    """Return whether all arrivals of the scenario are held in memory."""
    return isinstance(scenario.arrivals, Bursts)


def _expected(scenario: Scenario) -> float:
    """Return how many requests the scenario's open-loop phases send, without retries."""
    return sum(_requests(scenario, index) for index in range(len(scenario.phases)))


def _requests(scenario: Scenario, index: int) -> float:
    phase = scenario.phases[index]
    begin, end = phase.rate_at(0.0), phase.rate_at(phase.duration_s)
    return 0.0 if begin is None or end is None else (begin + end) / 2 * phase.duration_s
