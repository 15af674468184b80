"""The benchmark's model in SimPy and in Ciw, which are general simulators of discrete events."""

from __future__ import annotations

import random
import time
from collections import deque

__all__ = ["ciw_requests_s", "simpy_requests_s"]

COUNT, INTERVAL_S, OPEN_S = 3, 20.0, 4.0


def simpy_requests_s(size: int, rate: float) -> float | None:
    """Return the requests per CPU second of SimPy, with a process for each request; None: it is not installed."""
    try:
        import simpy
    except ImportError:
        return None
    rng = random.Random(0)
    environment = simpy.Environment()
    failures: deque[float] = deque()
    state = {"until": 0.0, "shed": 0}

    def request(number: int):  # type: ignore[no-untyped-def]
        yield environment.timeout(0.0002 + 0.0002 * rng.random())
        if environment.now < state["until"]:
            state["shed"] += 1
            return
        place = number / size
        if place >= 0.95 or (place >= 0.9 and rng.random() < 0.001):
            now = environment.now
            while failures and failures[0] <= now - INTERVAL_S:
                failures.popleft()
            failures.append(now)
            if len(failures) >= COUNT:
                failures.clear()
                state["until"] = now + OPEN_S
            return
        yield environment.timeout(rng.lognormvariate(-3.9, 0.42))

    def arrivals():  # type: ignore[no-untyped-def]
        for number in range(size):
            environment.process(request(number))
            yield environment.timeout(1 / rate)

    environment.process(arrivals())
    begin = time.process_time()
    environment.run()
    return size / (time.process_time() - begin)


def ciw_requests_s(size: int, rate: float) -> float | None:
    """Return the requests per CPU second of Ciw: the same arrivals and service times, but no breaker, which it has not.

    None: it is not installed.
    """
    try:
        import ciw
    except ImportError:
        return None
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Deterministic(1 / rate)],
        service_distributions=[ciw.dists.Lognormal(-3.9, 0.42)],
        number_of_servers=[float("inf")],
    )
    ciw.seed(0)
    simulation = ciw.Simulation(network)
    begin = time.process_time()
    simulation.simulate_until_max_time(size / rate)
    return size / (time.process_time() - begin)
