"""The simulated part of `tripcurve capacity`: the search of a capacity in virtual time, on a lab and on changed ones.

It answers what another rule or quota would give. Each search leaves a folder as a driven search does, with a simulated
run for each rate, so that both are read in the same way.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import JsonValue, ValidationError

from simulator.commands.simulate import lab_and_retries, play
from simulator.fast.limits import obstacle
from simulator.record import write_run
from tripcurve.breaker import Opened
from tripcurve.errors import BadInput, NotRecorded, reason_of
from tripcurve.field_errors import field_errors
from tripcurve.lab import Lab
from tripcurve.run.layout import PROBES
from tripcurve.run.writing import write_whole
from tripcurve.scenario import Scenario, load_scenario
from tripcurve.scenario.search import Bounds, Trial, at_rate, next_probe
from tripcurve.suggestions import known_names

__all__ = ["changed", "check_what_ifs", "simulate_what_ifs"]

SHORTEST_S = 60.0
"""Each rate is held at least this long: quotas of tokens are counted per minute, and virtual time costs little."""
MOST_REQUESTS = 2_000_000
QUOTAS = ("rpm", "tpm")
RULE = ("count", "percentage", "interval", "trip_duration", "accept_retry_after")
CHANGES = (*QUOTAS, *RULE, "capacity", "units")


def check_what_ifs(lab_name: str, scenario_name: str, changes: Sequence[str], bounds: Bounds) -> None:
    """Raise BadInput if a change cannot be made or simulated, or the lab or the scenario cannot be read."""
    bounds.check()
    lab, retries = lab_and_retries(lab_name)
    load_scenario(scenario_name, lab)
    for change in changes:
        _alternative(lab, retries, change)
    if bounds.highest * _held_s(bounds) > MOST_REQUESTS:
        raise BadInput(
            f"--to {bounds.highest:g} is too high to simulate for {_held_s(bounds):g} s at each rate; give a lower one"
        )


def simulate_what_ifs(
    lab_name: str, scenario_name: str, changes: Sequence[str], bounds: Bounds, folder: Path
) -> list[tuple[str | None, Path]]:
    """Search the capacity of a lab as it is and with each change. Returns the change and the folder of each search.

    The first has the change None. The folders are made in `folder`. Raises BadInput, before anything is simulated, as
    `check_what_ifs` does.
    """
    check_what_ifs(lab_name, scenario_name, changes, bounds)
    lab, retries = lab_and_retries(lab_name)
    labs: list[tuple[str | None, Lab, int]] = [(None, lab, retries)]
    labs += [(change, *_alternative(lab, retries, change)) for change in changes]
    scenario, bounds = load_scenario(scenario_name, lab), replace(bounds, probe_s=_held_s(bounds))
    found = []
    for index, (change, one, attempts) in enumerate(labs):
        own = folder / ("simulated-as-it-is" if change is None else f"simulated-{index}")
        _search(one, scenario, attempts, bounds, own)
        found.append((change, own))
    return found


def _held_s(bounds: Bounds) -> float:
    return max(bounds.probe_s, SHORTEST_S)


def _alternative(lab: Lab, retries: int, change: str) -> tuple[Lab, int]:
    """Return the lab of a change, and its gateway's retries: the lab in a file, or this lab with other values."""
    if "=" in change:
        return changed(lab, change), retries
    return lab_and_retries(change)


def changed(lab: Lab, change: str) -> Lab:
    """Return the lab with the values of a change such as `rpm=1200,count=10`, see CHANGES.

    Quotas and parts of a rule are those of every backend, and of every rule. Raises BadInput that names the mistake.
    """
    content = lab.model_dump(mode="json")
    for part in change.split(","):
        name, _, text = (word.strip() for word in part.partition("="))
        value: JsonValue = {"true": True, "false": False}.get(text, text)
        if name not in CHANGES or not text:
            raise BadInput(
                f"--what-if {change}: {part.strip()!r} is no change; write NAME=VALUE"
                f"{known_names(name, CHANGES, 'names')}, or a lab file"
            )
        _set(content, name, value, change)
    try:
        return Lab.model_validate(content)
    except ValidationError as error:
        raise BadInput(f"--what-if {change}: {field_errors(error, Lab)[0]}") from None


def _set(content: dict[str, JsonValue], name: str, value: JsonValue, change: str) -> None:
    """Set one value in a lab's content. Raises BadInput where no backend has a rule to change."""
    parts = (content[part] for part in ("backends", "model", "gateway", "local"))
    backends, model, gateway, local = parts
    assert isinstance(backends, list) and isinstance(model, dict)  # noqa: S101, PT018  # as Lab writes them
    assert isinstance(gateway, dict) and isinstance(local, dict)  # noqa: S101, PT018
    if name == "capacity":
        model[name] = value
        return
    if name == "units":
        gateway[name], local["unit_count_override"] = value, None
        return
    found = 0
    for backend in backends:
        assert isinstance(backend, dict)  # noqa: S101
        if name in QUOTAS:
            limits = backend["limits"] if isinstance(backend["limits"], dict) else {}
            backend["limits"] = {**limits, name: value}
            found += 1
        elif isinstance(backend["breaker"], dict):
            other = {"count": "percentage", "percentage": "count"}.get(name)
            backend["breaker"] = {**backend["breaker"], name: value, **({} if other is None else {other: None})}
            found += 1
    if not found:
        raise BadInput(f"--what-if {change}: no backend of lab {content['name']} has a breaker rule")


def _search(lab: Lab, base: Scenario, retries: int, bounds: Bounds, folder: Path) -> None:
    """Try rates in virtual time until the answer is close enough, and write their runs and PROBES."""
    done: list[dict[str, JsonValue]] = []
    trials: list[Trial] = []
    while (rate := next_probe(trials, bounds)) is not None:
        run = folder / f"probe-{len(done) + 1:02d}"
        reason = _probe(lab, at_rate(base, rate, bounds.probe_s), retries, bounds.success, run)
        trials.append(Trial(rate, reason is None))
        done.append({"rate": rate, "carried": reason is None, "reason": reason, "run": run.name})
        content = json.dumps({"success": bounds.success, "probes": done}, indent=1) + "\n"
        try:
            write_whole(folder / PROBES, content)
        except OSError as error:
            raise NotRecorded(f"cannot write into {folder}: {reason_of(error)}") from None


def _probe(lab: Lab, scenario: Scenario, retries: int, success: float, folder: Path) -> str | None:
    """Simulate one rate and record it. Returns why it was not carried; None if it was."""
    method = "fast" if obstacle(lab, scenario, retries) is None else "reference"
    events, rows, calls = play(lab, scenario, None, method, 0, retries)
    batches = list(rows)
    write_run(folder, lab, scenario, events, batches, {"method": method, "seed": 0, "gateway_retries": retries}, calls)
    by_status: Counter[int] = Counter()
    for batch in batches:
        for entry in batch.column("status").value_counts().to_pylist():
            by_status[entry["values"]] += entry["counts"]
    total = by_status.total()
    good = sum(n for status, n in by_status.items() if 200 <= status < 300)
    if any(isinstance(entry.event, Opened) for entry in events):
        return "the breaker tripped"
    return None if good >= success * total else f"{total - good:,} of {total:,} failed"
