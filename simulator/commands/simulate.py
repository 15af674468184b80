"""`tripcurve simulate`: a scenario through a lab in virtual time, recorded as an ordinary run."""

from __future__ import annotations

import re
from pathlib import Path

from pydantic import JsonValue

from simulator.clients import CLIENTS
from simulator.record import batches_of, write_run
from simulator.virtual import VirtualRun, run_virtual
from tripcurve.breaker import Opened
from tripcurve.errors import BadInput
from tripcurve.lab import Lab, load_lab, policy_path
from tripcurve.lab.model import LABS
from tripcurve.scenario import Scenario, load_scenario
from tripcurve.shipped import find_file

__all__ = ["gateway_retries", "simulate"]

MOST_REQUESTS = 20_000_000
"""The most requests that the reference engine accepts: it takes some 10 µs and 1 KB for each."""


def simulate(
    lab_name: str,
    scenario_name: str,
    *,
    seed: int = 0,
    clients: str | None = None,
    retries: int | None = None,
    units: int | None = None,
    run_dir: Path | None = None,
) -> tuple[Path, dict[str, object]]:
    """Simulate a run and write its directory; return the directory and what the command prints.

    `clients` replaces the scenario's users by one kind (a key of CLIENTS), `retries` its `max_retries`, and `units`
    the lab's. Raises BadInput for anything that cannot be simulated.
    """
    lab, attempts = _lab(lab_name, units)
    scenario = _scenario(load_scenario(scenario_name, lab), clients, retries)
    run = run_virtual(lab, scenario, seed=seed, retries=attempts)
    simulation: dict[str, JsonValue] = {
        "engine": "reference",
        "seed": seed,
        "gateway_retries": attempts,
        "units": lab.units,
    }
    folder, rows = write_run(run_dir, lab, scenario, run.events, batches_of(run), simulation)
    return folder, {"run": str(folder), "target": "simulated", **simulation, "requests": rows} | _trips(run)


def _trips(run: VirtualRun) -> dict[str, object]:
    opened = [entry.event.at for entry in run.events if isinstance(entry.event, Opened)]
    return {"trips": len(opened), "first_trip_s": opened[0] if opened else None}


def _lab(name: str, units: int | None) -> tuple[Lab, int]:
    """Return the lab, with other units where asked, and the retries that its gateway policy makes."""
    lab = load_lab(name)
    policy = policy_path(lab, find_file(name, LABS, ".yaml", "lab"))
    if units is not None:
        if not 1 <= units <= 100_000:
            raise BadInput(f"--units must be 1 to 100,000, not {units}")
        gateway = lab.gateway.model_copy(update={"units": units})
        local = lab.local.model_copy(update={"unit_count_override": None})
        lab = lab.model_copy(update={"gateway": gateway, "local": local})
    return lab, gateway_retries(policy.read_text("utf-8"))


def gateway_retries(policy: str) -> int:
    """Return how many further attempts a policy makes inside one request: the count of its first `retry` element.

    0 if it has none, or if the count is an expression, which is known only at run time.
    """
    found = re.search(r"<retry\b[^<]*?\bcount=\"(\d+)\"", policy, re.DOTALL)
    return int(found.group(1)) if found else 0


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
    scenario = scenario.model_copy(update=changes)
    expected = sum(_requests(scenario, index) for index in range(len(scenario.phases)))
    if expected > MOST_REQUESTS:
        raise BadInput(
            f"scenario {scenario.name}: about {expected:,.0f} requests are too many for a recorded run "
            f"(at most {MOST_REQUESTS:,}); shorten its phases or lower its rates"
        )
    return scenario


def _requests(scenario: Scenario, index: int) -> float:
    phase = scenario.phases[index]
    begin, end = phase.rate_at(0.0), phase.rate_at(phase.duration_s)
    return 0.0 if begin is None or end is None else (begin + end) / 2 * phase.duration_s
