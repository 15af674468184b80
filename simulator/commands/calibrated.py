"""`tripcurve simulate --from RUN`: a simulation fitted to a recorded run, and compared with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import altair as alt
import pandas as pd
from pydantic import JsonValue

from simulator.calibration import Calibration, calibrate
from simulator.gateway_policy import gateway_retries
from simulator.network import Network
from simulator.record import batches_of, calls_of, write_run
from simulator.recorded import NS, Recorded, read_recorded
from simulator.virtual import Arrival, VirtualRun, run_virtual
from tripcurve.breaker import Opened
from tripcurve.errors import BadInput
from tripcurve.gateways import is_default
from tripcurve.lab import policy_path
from tripcurve.run.layout import CALIBRATION, LAB, SUMMARY

__all__ = ["simulate_from"]

QUANTILES = "quantiles.svg"


def simulate_from(
    run: Path, *, replay: bool = False, seed: int = 0, run_dir: Path | None = None
) -> tuple[Path, dict[str, object]]:
    """Fit a recorded run, simulate it, and return the new run's directory and the result to print.

    `replay`: send each recorded attempt at its recorded instant, instead of drawing arrivals. `run_dir` None: a new
    folder. The directory also has the fit (calibration.json) and a plot of recorded against fitted answer times
    (quantiles.svg). Raises BadInput for a folder that is not a run, or has no requests, and
    for a run of a trace without `replay`.
    """
    recorded = read_recorded(run)
    if recorded.scenario.trace is not None and not replay:
        raise BadInput(f"--from {run}: this run replayed a trace, which no arrivals can be drawn for; add --replay")
    lab, scenario, fitted = calibrate(recorded)
    if replay:
        scenario = scenario.model_copy(update={"max_retries": 0})
    attempts = _gateway_retries(recorded)
    played = run_virtual(
        lab,
        scenario,
        seed=seed,
        retries=attempts,
        network=Network(late_s=0.0) if replay else None,
        arrivals=_arrivals(recorded) if replay else None,
    )
    simulation: dict[str, JsonValue] = {
        "method": "reference",
        "seed": seed,
        "gateway_retries": attempts,
        "units": lab.units,
        "calibrated_from": str(run),
        "replay": replay,
    }
    folder, rows = write_run(run_dir, lab, scenario, played.events, batches_of(played), simulation, calls_of(played))
    (folder / CALIBRATION).write_text(fitted.model_dump_json(indent=2) + "\n", "utf-8")
    if fitted.services:
        _quantile_plot(fitted).save(folder / QUANTILES)
    return folder, {"run": str(folder), "requests": rows, "recorded_requests": len(recorded.rows)} | _said(
        fitted, recorded, played
    )


def _gateway_retries(recorded: Recorded) -> int:
    """Return the retries of the lab's policy, or 0 if the policy file does not exist any more.

    Only API Management has policies.
    """
    if not is_default(recorded.lab):
        return 0
    try:
        return gateway_retries(policy_path(recorded.lab, recorded.folder / LAB))
    except BadInput:
        return 0


def _arrivals(recorded: Recorded) -> Iterator[Arrival]:
    names = {phase.name: index for index, phase in enumerate(recorded.scenario.phases)}
    for start_ns, phase, user in recorded.rows[["start_ns", "phase", "user"]].itertuples(index=False, name=None):
        yield Arrival((start_ns - recorded.start_ns) / NS, names[phase], user)


def _said(fitted: Calibration, recorded: Recorded, played: VirtualRun) -> dict[str, object]:
    said: dict[str, object] = {}
    for service in fitted.services:
        near = "fits" if service.distance <= service.expected else "does not fit"
        said[f"{service.backend} answer times"] = (
            f"median {service.median_ms:.1f} ms, p95 {service.p95_ms:.1f} ms of {service.n:,}; log-normal {near} "
            f"(distance {service.distance:.3f}, expected below {service.expected:.3f})"
        )
    for fault in fitted.faults:
        if fault.failed:
            what = "failed connections" if fault.status is None else str(fault.status)
            bounds = f"{fault.low:.1%} to {fault.high:.1%}"
            said[f"{fault.phase}: {fault.backend}"] = (
                f"{fault.failed:,} of {fault.n:,} failed ({fault.share:.1%}, {bounds}), {what}"
            )
    for quota in fitted.quotas:
        said[f"{quota.backend} quota"] = f"{quota.rpm:,} requests a minute, from {quota.throttled:,} throttled"
    for index, text in enumerate(fitted.unfitted):
        said[f"not fitted {index + 1}"] = text
    trips = [round(entry.event.at, 3) for entry in played.events if isinstance(entry.event, Opened)]
    return said | {"recorded_trips_s": _recorded_trips(recorded.folder), "simulated_trips_s": trips}


def _recorded_trips(folder: Path) -> list[float] | None:
    """Return the trips in the run's report, seconds from its start, or None if it has no readable report."""
    try:
        trips = json.loads((folder / SUMMARY).read_text("utf-8"))["trips"]
        return [round(trip["tripped_s"]["estimate"], 3) for trip in trips if trip["tripped_s"]]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _quantile_plot(fitted: Calibration) -> alt.LayerChart | alt.FacetChart:
    """Draw recorded against fitted quantiles of each backend's answer times; a perfect fit lies on the line."""
    points = [
        {"backend": service.backend, "share": f"p{share * 100:g}", "recorded": measured, "fitted": drawn}
        for service in fitted.services
        for share, measured, drawn in service.quantiles
    ]
    frame = pd.DataFrame(points)
    both = frame[["fitted", "recorded"]].to_numpy()
    domain = [float(both.min()) * 0.9, float(both.max()) * 1.1]
    ends = pd.DataFrame({"fitted": domain, "recorded": domain})
    scale = alt.Scale(type="symlog", domain=domain, nice=False)
    x = alt.X("fitted:Q", title="fitted, ms", scale=scale)
    y = alt.Y("recorded:Q", title="recorded, ms", scale=scale)
    line = alt.Chart(ends).mark_line(strokeDash=[4, 4], color="#7f7f7f").encode(x=x, y=y)
    marks = (
        alt.Chart(frame)
        .mark_point(filled=True, size=60)
        .encode(x=x, y=y, color=alt.Color("backend:N"), shape=alt.Shape("backend:N"), tooltip=["backend", "share"])
    )
    names = alt.Chart(frame).mark_text(dx=14, dy=8).encode(x=x, y=y, text="share")
    title = "Answer times: recorded against fitted quantiles"
    return alt.layer(line, marks, names).properties(width=480, height=360, title=title)
