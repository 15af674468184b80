"""Random labs and scenarios that the fast method can express, for properties."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from tripcurve.lab import Lab
from tripcurve.scenario import Scenario

_RATES = st.one_of(
    st.sampled_from([1, 7, 40, 333.3]),
    st.floats(0.5, 100),
    st.builds(lambda a, b: {"from": a, "to": b}, st.floats(0, 100), st.floats(0.5, 100)),
)


@st.composite
def faults(draw: st.DrawFn) -> dict[str, Any]:
    fault: dict[str, Any] = {"share": draw(st.sampled_from([1.0, 0.9, 0.5, 0.2, 0.03]))}
    kind = draw(st.sampled_from(["429", "429", "500", "slow", "drop", "hang"]))
    if kind in ("429", "500"):
        fault["status"] = int(kind)
        if draw(st.booleans()):
            fault["retry_after_s"] = draw(st.sampled_from([0, 0.5, 1, 2, 30]))
    if kind == "drop":
        fault["drop"] = "before"
    if kind == "hang":
        fault |= {"status": 429, "wait_ms": draw(st.sampled_from([1, 200, 3000]))}
    if kind == "slow":
        fault["wait_ms"] = 800
    return fault


@st.composite
def breakers(draw: st.DrawFn) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "interval": draw(st.sampled_from([0.05, 0.5, 2, 10, 300])),
        "trip_duration": draw(st.sampled_from([0.1, 1, 2.5, 60])),
        "status_codes": draw(st.sampled_from([[429], [429, "500-599"], ["400-599"]])),
        "error_reasons": draw(st.sampled_from([[], ["Server errors"], ["BackendConnectionFailure"]])),
        "accept_retry_after": draw(st.booleans()),
    }
    if draw(st.integers(0, 3)):
        return rule | {"count": draw(st.sampled_from([1, 2, 3, 5, 20]))}
    return rule | {"percentage": draw(st.sampled_from([1, 20, 50, 90, 100]))}


@st.composite
def labs(draw: st.DrawFn) -> Lab:
    """Labs of one backend and up to three units, or more than get an even share of constant arrivals."""
    breaker = draw(breakers())
    options: dict[str, Any] = {
        "percentage_min_volume": draw(st.sampled_from([1, 5, 20])),
        "server_errors_alias": draw(st.sampled_from(["nothing", "any_5xx", "any_failure"])),
        "transport_failures": draw(st.sampled_from(["if_reason_listed", "never", "always_as_500"])),
        "retry_after_cap": draw(st.sampled_from([None, 1])),
        "retry_after_shorter": draw(st.sampled_from(["replaces", "max_with_trip_duration"])),
    }
    if "count" in breaker:
        options["breaker_window"] = draw(st.sampled_from(["sliding", "sliding", "fixed_first_failure", "fixed_clock"]))
    latency = draw(st.sampled_from([None, {"median_ms": 20, "p95_ms": 90}, {"median_ms": 300, "p95_ms": 2000}]))
    backend = {"name": "m1", "breaker": breaker, "latency": latency}
    gateway = {"name": "g", "units": draw(st.sampled_from([1, 1, 2, 3]))}
    return Lab.model_validate({"name": "v", "gateway": gateway, "backends": [backend], "local": options})


@st.composite
def scenarios(draw: st.DrawFn) -> Scenario:
    """Scenarios of up to four phases in open loop."""
    phases = []
    for number in range(draw(st.integers(1, 4))):
        phase: dict[str, Any] = {
            "name": f"p{number}",
            "for": draw(st.sampled_from([0.1, 1, 3, 6.7])),
            "rate": draw(_RATES),
        }
        if draw(st.integers(0, 3)):
            phase["simulate"] = {draw(st.sampled_from(["m1", "default"])): draw(faults())}
        phases.append(phase)
    users = draw(st.sampled_from([{"ChatUser": 1}, {"ChatUser": 3, "ProbeUser": 1}, {"ChatUser": 1, "SdkChatUser": 3}]))
    return Scenario.model_validate(
        {
            "name": "s",
            "users": users,
            "phases": phases,
            "arrivals": draw(st.sampled_from(["constant", "poisson", {"gamma": {"cv": 1.5}}, {"gamma": {"cv": 0.3}}])),
            "timeout": draw(st.sampled_from([0.5, 30])),
        }
    )
