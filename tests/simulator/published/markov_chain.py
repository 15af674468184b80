"""The static circuit breaker of [ICSA20], solved exactly.

A client asks one request after another, with exponential pauses. The server fails after every tenth request and is
repaired after an exponential time. While it is down a connection waits for it, at most `CONNECT_S`; an answer takes an
exponential time, at most `ANSWER_S`. Two failures in a row open the breaker; after its duration two successes
close it, and one failure opens it again.

The PRISM model approximates the three fixed delays by Erlang distributions of 100 stages. Here they are fixed, so the
chain is looked at only at the beginning of each pause, where everything that goes on is memoryless.
"""

from __future__ import annotations

from collections import defaultdict
from math import exp
from typing import NamedTuple

import numpy as np

ANSWERS_BETWEEN_FAILURES = 10
PAUSE_S, CONNECT_S, ANSWER_S, SERVICE_S = 1.0, 2.0, 10.0, 5.0
SUCCESSES = 100

BREAKER = ("closed", "closed after a failure", "half-open", "half-open after a success")
AFTER_SUCCESS = {0: 0, 1: 0, 2: 3, 3: 0}
DOWN = ANSWERS_BETWEEN_FAILURES
"""The server's state is the number of requests since its last repair; at this number it is down."""


class Expected(NamedTuple):
    """Expected seconds until the 100th success: in all, and those spent on connecting and waiting for answers."""

    total_s: float
    contention_s: float


def mean_repair_s(availability: float) -> float:
    """Return the mean time to repair, as the paper derives it from the availability. 0: repaired at once."""
    return (1 / availability - 1) * ANSWERS_BETWEEN_FAILURES * SERVICE_S


def solve(availability: float, open_s: float | None) -> Expected:
    """Solve the chain. `open_s`: how long the breaker stays open; None: there is no breaker."""
    states = [(breaker, server) for breaker in range(4) for server in range(DOWN + 1)]
    place = {state: index for index, state in enumerate(states)}
    success, failure = np.zeros((2, len(states), len(states)))
    spent = np.zeros((len(states), 2))
    for state, index in place.items():
        steps, spent[index] = _request(state, availability, open_s)
        for (good, to), share in steps.items():
            (success if good else failure)[index, place[to]] += share
    left = np.zeros((len(states), 2))
    for _ in range(SUCCESSES):
        left = np.linalg.solve(np.eye(len(states)) - failure, spent + success @ left)
    total, contention = left[place[0, 0]]
    return Expected(float(total), float(contention))


State = tuple[int, int]


def _request(
    state: State, availability: float, open_s: float | None
) -> tuple[dict[tuple[bool, State], float], tuple[float, float]]:
    """One request from a state: the share of each outcome and next state, and the expected seconds it takes."""
    breaker, server = state
    repair_s = mean_repair_s(availability)
    steps: dict[tuple[bool, State], float] = defaultdict(float)
    down = 0.0
    if server == DOWN and repair_s > 0:
        down = repair_s / (repair_s + PAUSE_S)  # still down when the pause ends
    refused = down * exp(-CONNECT_S / repair_s) if down else 0.0
    connecting_s = down * repair_s * (1 - exp(-CONNECT_S / repair_s)) if down else 0.0
    opened = _fail(steps, breaker, DOWN, refused, repair_s, open_s)
    asked = (0 if server == DOWN else server) + 1
    late = (1 - refused) * exp(-ANSWER_S / SERVICE_S)
    opened += _fail(steps, breaker, asked, late, repair_s, open_s)
    steps[True, (AFTER_SUCCESS[breaker], asked)] += 1 - refused - late
    contention_s = connecting_s + (1 - refused) * SERVICE_S * (1 - exp(-ANSWER_S / SERVICE_S))
    return steps, (PAUSE_S + contention_s + opened * (open_s or 0.0), contention_s)


def _fail(
    steps: dict[tuple[bool, State], float],
    breaker: int,
    server: int,
    share: float,
    repair_s: float,
    open_s: float | None,
) -> float:
    """Add what follows a failure, and return the share in which the breaker opens. It is skipped to the end of that."""
    if open_s is None or breaker == 0:
        steps[False, (0 if open_s is None else 1, server)] += share
        return 0.0
    still_down = 0.0
    if server == DOWN and repair_s > 0:
        still_down = exp(-open_s / repair_s)
    if server == DOWN:
        steps[False, (2, DOWN)] += share * still_down
        steps[False, (2, 0)] += share * (1 - still_down)
    else:
        steps[False, (2, server)] += share
    return share
