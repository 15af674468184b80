"""Breakers for tests, and ways to send requests through them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tripcurve.breaker import Breaker, Closed, Opened, Outcome, Ticket
from tripcurve.lab import Lab
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule

ANSWERS = {"shed": {"statuses": [503], "headers": {"x-shed": ""}}}
FAILURE = Outcome(429)
SUCCESS = Outcome(200)


def breaker(options: dict[str, Any] | None = None, **rule: Any) -> Breaker:
    """Three 429 in ten seconds open it for five, unless said otherwise."""
    defaults: dict[str, Any] = {"count": 3, "interval": 10, "status_codes": [429], "trip_duration": 5}
    if "percentage" in rule:
        del defaults["count"]
    return Breaker(BreakerRule(**(defaults | rule)), LocalOptions(**(options or {})))


def send(b: Breaker, now: float, outcome: Outcome = FAILURE) -> list[Opened | Closed]:
    """One request that is answered at once; it must be admitted."""
    ticket, events = b.admit(now)
    assert ticket is not None, f"shed at {now}"
    return [*events, *b.record(ticket, now, outcome)]


def ticket_of(b: Breaker, now: float) -> Ticket:
    ticket, _ = b.admit(now)
    assert ticket is not None
    return ticket


def is_shed(b: Breaker, now: float) -> bool:
    return b.admit(now)[0] is None


def tripped(options: dict[str, Any] | None = None, **rule: Any) -> Breaker:
    """A breaker that trips at 0 on its first failure."""
    b = breaker(options, **({"count": 1} | rule))
    assert b.open_until is None
    assert [type(event) for event in send(b, 0.0)] == [Opened]
    return b


def lab_of(kind: str, backends: int = 2, local: dict[str, Any] | None = None, **rule: Any) -> Lab:
    """A gateway of a kind before m1, m2 …, each of which opens for two seconds on three 429 unless said otherwise."""
    breaker = {"count": 3, "interval": 10, "status_codes": [429], "trip_duration": 2} | rule
    gateway: dict[str, Any] = {"name": "g", "kind": kind} | ({"answers": ANSWERS} if kind == "generic" else {})
    members = [{"name": f"m{number + 1}", "breaker": breaker} for number in range(backends)]
    return Lab.model_validate({"name": "v", "gateway": gateway, "backends": members, "local": local or {}})


def lab_file(folder: Path, kind: str, backends: int = 1, **rule: Any) -> str:
    """The path of a file with the lab of `lab_of`."""
    path = folder / f"{kind}.yaml"
    path.write_text(lab_of(kind, backends, **rule).model_dump_json(exclude_defaults=True), "utf-8")
    return str(path)
