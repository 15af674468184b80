"""Mixed traffic through one gateway unit for minutes: no unasked error, flat memory, resets told on time.

    python -m tests.benchmarks.soak [--minutes 10] [--rate N]

Without --rate, half of what the unit carries of the same mix is measured and used. The backend is the
local cloud's own mock; faults are asked for by simulation. Prints one JSON object; exits 1 when a check fails.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import uvloop

from provision.local.wire.calls import Endpoint, UpstreamCall, UpstreamFailure
from provision.local.wire.client import Client
from tests.benchmarks.gateway import KEY, Child

WORKERS = 48
SAMPLE_S = 2.0
FLOOR_SAMPLES = 5
MIB_PER_MILLION = 2.0
"""Growth allowed once warm, per million requests: two bytes a request, where the smallest object has sixteen."""
RESOLUTION_MIB = 0.25
"""What resident memory sways by all the time: over a short run no growth below it can be told."""
CHAT = "deployments/gpt-35-turbo/chat/completions?api-version=2024-02-01"
RULES: dict[str, dict[str, Any]] = {
    "count": {"failureCondition": {"count": 3, "interval": "PT10S"}, "tripDuration": "PT2S"},
    "share": {"failureCondition": {"percentage": 50, "interval": "PT5S"}, "tripDuration": "PT1S"},
    "told": {"failureCondition": {"count": 1, "interval": "PT1M"}, "tripDuration": "PT1M", "acceptRetryAfter": True},
    "deaf": {"failureCondition": {"count": 5, "interval": "PT1S"}, "tripDuration": "PT0.5S"},
}
BODY = json.dumps({"messages": [{"role": "user", "content": "word " * 50}], "max_tokens": 30}).encode()
STREAMED = json.dumps({"messages": [{"role": "user", "content": "hi"}], "max_tokens": 20, "stream": True}).encode()
LARGE = json.dumps({"messages": [{"role": "user", "content": "word " * 40_000}], "max_tokens": 5}).encode()

THROTTLED = {"response_status_code": 429, "retry_after_s": 1}
FAULT_EVERY_S, FAULT_S = 20, 4
"""Throttling comes in spells: outside of them the same requests are plain ones."""


@dataclass(frozen=True)
class Kind:
    """One sort of request. `expected`: the statuses it may be answered with, 0 for one that we cut ourselves."""

    name: str
    share: float
    expected: frozenset[int]
    body: bytes = BODY
    simulate: dict[str, Any] | None = None
    path: str | None = None
    key: str = KEY
    chunked: bool = False
    leave_s: float | None = None


KINDS = [
    Kind("plain", 70, frozenset({200, 503})),
    Kind("streamed", 8, frozenset({200, 503}), STREAMED),
    Kind("large", 1, frozenset({200, 503}), LARGE),
    Kind("in chunks", 4, frozenset({200, 503}), chunked=True),
    Kind("throttled", 3, frozenset({429, 503}), simulate=THROTTLED),
    Kind("failing", 2, frozenset({500, 503}), simulate={"response_status_code": 500}),
    Kind("dropped", 1, frozenset({500, 503}), simulate={"response_status_code": 200, "drop": "before"}),
    Kind("slow", 3, frozenset({200, 503}), simulate={"response_status_code": 200, "wait_time_ms": 50}),
    Kind(
        "client leaves",
        3,
        frozenset({0, 503}),
        simulate={"response_status_code": 200, "wait_time_ms": 500},
        leave_s=0.02,
    ),
    Kind("wrong key", 3, frozenset({401}), key="wrong"),
    Kind("nowhere", 2, frozenset({404}), path="/nowhere"),
]


@dataclass
class Tally:
    """What happened."""

    answers: Counter[tuple[str, int]] = field(default_factory=Counter)
    unexpected: Counter[str] = field(default_factory=Counter)
    late: int = 0
    rss: list[tuple[int, float]] = field(default_factory=list)
    """Resident memory of the unit in MiB, beside the requests answered until then."""


class Traffic:
    """Sends the mix to one port."""

    def __init__(self, port: int, tally: Tally, seed: int = 0) -> None:
        self._endpoint = Endpoint("127.0.0.1", port)
        self._client = Client()
        self._tally = tally
        self._random = random.Random(seed)

    async def closed_loop(self, seconds: float) -> float:
        """As fast as the unit answers; requests per second."""
        before, until = self._tally.answers.total(), time.monotonic() + seconds
        await asyncio.gather(*(self._until(until) for _ in range(WORKERS)))
        return (self._tally.answers.total() - before) / seconds

    async def open_loop(self, seconds: float, rate: float) -> None:
        """At a steady rate, each request on time unless all workers are busy."""
        started = time.monotonic()
        turns = iter(range(int(seconds * rate)))
        await asyncio.gather(*(self._by_schedule(turns, started, rate) for _ in range(WORKERS)))

    async def close(self) -> None:
        await self._client.close()

    async def _until(self, until: float) -> None:
        while time.monotonic() < until:
            await self._one()

    async def _by_schedule(self, turns: Any, started: float, rate: float) -> None:
        for turn in turns:
            wait = started + turn / rate - time.monotonic()
            if wait > 0:
                await asyncio.sleep(wait)
            elif wait < -0.1:
                self._tally.late += 1
            await self._one()

    async def _one(self) -> None:
        kind = self._random.choices(KINDS, [kind.share for kind in KINDS])[0]
        if kind.simulate is THROTTLED and time.monotonic() % FAULT_EVERY_S > FAULT_S:
            kind = KINDS[0]
        try:
            async with asyncio.timeout(kind.leave_s if kind.leave_s is not None else 30):
                status = await self._ask(kind)
        except TimeoutError:
            status = 0
        except UpstreamFailure as failure:
            status = 0
            self._tally.unexpected[f"{kind.name}: {failure.message}"] += 1
        self._tally.answers[kind.name, status] += 1
        if status not in kind.expected:
            self._tally.unexpected[f"{kind.name}: {status}"] += 1

    async def _ask(self, kind: Kind) -> int:
        backend = self._random.choice(list(RULES))
        headers = [f"POST {kind.path or f'/{backend}/{CHAT}'} HTTP/1.1", "host: gateway", f"api-key: {kind.key}"]
        headers += ["content-type: application/json"]
        if kind.simulate is not None:
            headers.append(f"x-simulation: {json.dumps({'default': kind.simulate})}")
        headers.append("transfer-encoding: chunked" if kind.chunked else f"content-length: {len(kind.body)}")
        head = ("\r\n".join(headers) + "\r\n\r\n").encode()
        body = _pieces(kind.body) if kind.chunked else kind.body
        response = await self._client.request(UpstreamCall(self._endpoint, head, "POST", body, kind.chunked, 30.0))
        if not isinstance(response.body, bytes):
            async for _ in response.body:
                pass
        return response.status


async def _pieces(body: bytes) -> AsyncIterator[bytes]:
    for at in range(0, len(body), 64):
        yield body[at : at + 64]


def snapshot(mock_port: int, folder: str) -> dict[str, Any]:
    """One API per breaker rule, each to a backend of its own."""
    operation = {"id": "chat", "method": "POST", "url_template": "/deployments/{id}/chat/completions"}
    return {
        "service": {"name": "soak", "resource_id": "/soak"},
        "mock_port": mock_port,
        "events_file": f"{folder}/events.jsonl",
        "logs_file": f"{folder}/logs.jsonl",
        "subscriptions": [{"id": "master", "primary_key": KEY}],
        "apis": [
            {
                "id": name,
                "path": name,
                "key_header": "api-key",
                "operations": [operation],
                "policy": {"value": _policy(name)},
            }
            for name in RULES
        ],
        "backends": [
            {
                "name": name,
                "properties": {
                    "url": f"https://{name}.azurewebsites.net/openai",
                    "circuitBreaker": {"rules": [_rule(name)]},
                },
            }
            for name in RULES
        ],
    }


def _policy(backend: str) -> str:
    return (
        f'<policies><inbound><base /><set-backend-service backend-id="{backend}" /></inbound>'
        "<backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
    )


def _rule(name: str) -> dict[str, Any]:
    rule = RULES[name]
    condition = {**rule["failureCondition"], "statusCodeRanges": [{"min": 429, "max": 429}]}
    return {**rule, "name": name, "failureCondition": condition}


def _rss_mib(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1024


async def _sample(pid: int, tally: Tally) -> None:
    """Resident memory of the unit, again and again."""
    while True:
        tally.rss.append((tally.answers.total(), _rss_mib(pid)))
        await asyncio.sleep(SAMPLE_S)


async def soak(minutes: float, rate: float | None) -> dict[str, Any]:
    """Run, and judge."""
    with tempfile.TemporaryDirectory() as folder:
        with Child(None, "provision.local.mock", first=json.dumps({"port": 0, "options": {}})) as mock:
            first = json.dumps(snapshot(mock.ready["ready"], folder))
            with Child(None, "provision.local.gateway", first=first) as unit:
                tally = Tally()
                traffic = Traffic(unit.ready["ready"], tally)
                chosen = rate if rate is not None else await traffic.closed_loop(5.0) / 2
                sampler = asyncio.create_task(_sample(unit.process.pid, tally))
                await traffic.open_loop(minutes * 60, chosen)
                await asyncio.sleep(3)  # the last trips end
                sampler.cancel()
                await traffic.close()
        events = [json.loads(line) for line in (Path(folder) / "events.jsonl").read_text().splitlines()]
    return _judge(minutes, chosen, tally, events)


def _judge(minutes: float, rate: float, tally: Tally, events: list[dict[str, Any]]) -> dict[str, Any]:
    opened = [event for event in events if event["eventType"].endswith("Opened")]
    closed = [event["data"]["local"] for event in events if event["eventType"].endswith("Closed")]
    late_ms = sorted((local["noticed_ns"] - local["at_ns"]) / 1e6 for local in closed)
    growth = growth_once_warm(tally.rss)
    checks = {
        "no unasked error": not tally.unexpected,
        "memory flat": growth is not None and growth.flat,
        "every trip reset": len(opened) - len(closed) in range(len(RULES) + 1),
        "resets told within 5 ms at the median": bool(late_ms) and statistics.median(late_ms) <= 5,
    }
    return {
        "minutes": minutes,
        "rate": round(rate, 1),
        "requests": tally.answers.total(),
        "answers": {f"{name} {status}": count for (name, status), count in sorted(tally.answers.items())},
        "unexpected": dict(tally.unexpected.most_common(20)),
        "scheduled late": tally.late,
        "rss_mib": [round(mib, 1) for _, mib in tally.rss[:: max(len(tally.rss) // 20, 1)]],
        "growth once warm": None if growth is None else growth._asdict() | {"flat": growth.flat},
        "trips": len(opened),
        "resets": len(closed),
        "reset late ms": {"median": statistics.median(late_ms), "max": late_ms[-1]} if late_ms else None,
        "checks": checks,
    }


class Growth(NamedTuple):
    """How memory grew while that many requests were answered."""

    requests: int
    mib: float
    mib_per_million: float

    @property
    def flat(self) -> bool:
        return self.mib <= RESOLUTION_MIB or self.mib_per_million <= MIB_PER_MILLION


def growth_once_warm(samples: list[tuple[int, float]]) -> Growth | None:
    """Over the last half of the run, when all that is made once has been made; None: too short to say.

    What is retained is what memory comes down to between peaks: the least of every few samples. Its growth is the
    median of the slopes between all pairs (Theil and Sen), which one step of the heap does not move.
    """
    later = samples[len(samples) // 2 :]
    floors = [min(later[at : at + FLOOR_SAMPLES], key=lambda one: one[1]) for at in range(0, len(later), FLOOR_SAMPLES)]
    slopes = [(b[1] - a[1]) / (b[0] - a[0]) for a, b in combinations(floors, 2) if b[0] > a[0]]
    if len(floors) < 4 or not slopes:
        return None
    requests, slope = later[-1][0] - later[0][0], statistics.median(slopes)
    return Growth(requests, round(slope * requests, 3), round(slope * 1e6, 3))


def main() -> int:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--rate", type=float, help="requests per second; half the measured capacity without it")
    options = parser.parse_args()
    result = uvloop.run(soak(options.minutes, options.rate))
    print(json.dumps(result, indent=1))
    return 0 if all(result["checks"].values()) else 1


if __name__ == "__main__":
    sys.exit(main())
