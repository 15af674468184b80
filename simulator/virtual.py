"""The reference method: simulates a scenario on a lab in virtual time, without sockets, clocks or waiting.

It is a discrete-event simulation with the breaker and pool of the live gateway. It returns the rows that a client would
have recorded, and the breakers' true events. The same seed gives the same run. Open-loop requests come from `sources`;
retries and closed-loop requests are drawn in the order of events.

At one instant answers are processed before requests, so a request that arrives when the breaker trips is shed.

It does not simulate streaming, nor policies other than a number of retries.
"""

from __future__ import annotations

import heapq
import math
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from typing import Literal, NamedTuple

from simulator.clients import patience, retry_wait_s
from simulator.network import Network
from simulator.service import Answer, Answering, Chance, Service
from simulator.sources import Source, sources_of
from simulator.unit import Unit
from tripcurve.breaker import Closed, Opened, Outcome, Ticket
from tripcurve.breaker.machine import Machine
from tripcurve.errors import BadInput
from tripcurve.gateways import is_default, profile_of
from tripcurve.lab import Lab
from tripcurve.run.record import Row
from tripcurve.scenario import Ramp, Scenario
from tripcurve.scenario.clients import RETRYING
from tripcurve.scenario.trace import Trace

__all__ = [
    "EPOCH_NS",
    "ROUND_UP_US",
    "Arrival",
    "Network",
    "VirtualAnswer",
    "VirtualEvent",
    "VirtualRun",
    "run_virtual",
]

EPOCH_NS = 1_764_000_000_000_000_000
"""The unix ns at which every virtual run begins."""

ROUND_UP_US = 0.999
"""Added before a latency is cut to whole µs: to the nanosecond, the recorded end is not before the real one."""

_RETRIED = (429, 503)
_LEVEL_EVERY_S = 0.1  # how often a closed-loop ramp adjusts its number of users


class Arrival(NamedTuple):
    """A request that a client sends. `due_s`: seconds from the run's start; `phase`: its index in the scenario."""

    due_s: float
    phase: int
    user: str


class VirtualEvent(NamedTuple):
    """A true event of a breaker. The event's times are seconds from the run's start."""

    unit: int
    backend: str
    rule: str
    event: Opened | Closed


class VirtualAnswer(NamedTuple):
    """One attempt at a backend, in seconds from the run's start. `start_s`: when the client sent the request."""

    unit: int
    backend: str
    start_s: float
    admitted_s: float
    arrived_s: float
    status: int


@dataclass
class VirtualRun:
    """The result: rows by start, the breakers' events in order, and every attempt at a backend by admission.

    `calls`: how many calls the clients made; retries are not counted. `attempts` and `begun`: the requests and the
    calls of clients that can retry, by phase.
    """

    samples: list[Row] = field(default_factory=list)
    events: list[VirtualEvent] = field(default_factory=list)
    answers: list[VirtualAnswer] = field(default_factory=list)
    calls: int = 0
    attempts: Counter[str] = field(default_factory=Counter)
    begun: Counter[str] = field(default_factory=Counter)


def run_virtual(
    lab: Lab,
    scenario: Scenario,
    *,
    seed: int = 0,
    network: Network | None = None,
    spread: Literal["random", "round_robin"] = "random",
    retries: int = 0,
    workers: int = 1,
    services: Mapping[str, Answering] | None = None,
    pause_mean_s: float = 0.0,
    arrivals: Iterable[Arrival] | None = None,
    trace: Trace | None = None,
) -> VirtualRun:
    """Simulate a resolved scenario on a lab.

    `network` None: the default one. `spread`: how requests are distributed over the gateway's units. `retries`: further
    attempts that the policy makes within a request after a 429 or 503. A client gives up after the scenario's timeout,
    but the gateway goes on and the breaker still counts the answer. `workers`: how many recording processes the rows
    name. `services`: models that replace the lab's backends of these names. `pause_mean_s`: the mean of the
    exponentially distributed pause of a closed-loop user before each request. `arrivals`: requests to send instead of
    the scenario's. `trace`: the trace that the scenario replays; all its requests get the scenario's `tokens`. Raises
    BadInput for the fault `drop: during`, and for any `drop` if the gateway is not API Management: others answer
    it each in their own way.
    """
    _refuse_drops(lab, scenario)
    play = _Play(lab, scenario, seed, network or Network(), spread, retries, workers, services or {}, pause_mean_s)
    return play.run(arrivals, trace)


def _refuse_drops(lab: Lab, scenario: Scenario) -> None:
    known = ("before",) if is_default(lab) else ()
    for index, phase in enumerate(scenario.phases):
        for name, fault in phase.simulate.items():
            if fault.drop is not None and fault.drop not in known:
                only = "supports only `before`" if known else f"does not support it for gateway.kind {lab.gateway.kind}"
                raise BadInput(f"phases[{index}].simulate.{name}.drop: the simulator {only}; use a status instead")


class _Drawn(NamedTuple):
    """The values of a request that its source drew."""

    back_s: float
    unit: int
    chance: Chance


@dataclass
class _Request:
    intended: float
    start: float
    phase: int
    user: str
    done: Callable[[], None] | None
    attempts_left: int
    retries: int = 0
    """How often the client has retried this call."""
    drawn: _Drawn | None = None
    """None: the values are drawn in the order of events."""


class _Play:
    """The state of one simulation."""

    def __init__(
        self,
        lab: Lab,
        scenario: Scenario,
        seed: int,
        network: Network,
        spread: str,
        retries: int,
        workers: int,
        services: Mapping[str, Answering],
        pause_mean_s: float,
    ) -> None:
        self._lab, self._scenario, self._network = lab, scenario, network
        own = {backend.name: Service(backend, lab, scenario) for backend in lab.backends}
        self._services: dict[str, Answering] = {**own, **services}
        self._pause_mean_s = pause_mean_s
        profile = profile_of(lab)
        self._states_wait = profile.wait is not None
        self._units = [Unit(lab, profile, index, seed) for index in range(lab.units)]
        self._round_robin = spread == "round_robin"
        self._retries, self._workers = retries, workers
        self._seed = seed
        self._rng = random.Random(seed)  # noqa: S311  # a simulation, no secret
        self._agenda: list[tuple[float, bool, int, Callable[[], None]]] = []
        self._order = count()
        self._turn = count()
        self._now = 0.0
        self._alive = 0
        self._result = VirtualRun()
        self._classes = {name: n for name, n in scenario.users.items() if n and name != "ProbeUser"} or {"ChatUser": 1}

    def run(self, arrivals: Iterable[Arrival] | None = None, trace: Trace | None = None) -> VirtualRun:
        if arrivals is None:
            self._schedule(trace)
        else:
            for arrival in arrivals:
                self._send_at(*arrival)
        while self._agenda:
            self._now, _, _, action = heapq.heappop(self._agenda)
            action()
        self._result.samples.sort(key=lambda sample: sample.start_ns)
        return self._result

    def _at(self, when: float, action: Callable[[], None], *, first: bool = False) -> None:
        """Schedule an action. At one instant, those with `first` run before the others, each in scheduling order."""
        heapq.heappush(self._agenda, (when, not first, next(self._order), action))

    # Traffic.

    def _schedule(self, trace: Trace | None) -> None:
        for source in sources_of(self._lab, self._scenario, self._network, self._seed, trace):
            for first in range(source.blocks):
                self._schedule_block(source, first)
        begin = 0.0
        for phase in self._scenario.phases:
            if phase.users is not None:
                changes = isinstance(phase.users, Ramp)
                for tick in range(math.ceil(phase.duration_s / _LEVEL_EVERY_S) if changes else 1):
                    self._at(begin + tick * _LEVEL_EVERY_S, self._fill_up)
            begin += phase.duration_s

    def _schedule_block(self, source: Source, block: int) -> None:
        requests = source.requests(block, block + 1)
        columns = (column.tolist() for column in requests)
        for intended, start, admitted, back_s, quantile, faulty, unit, user in zip(*columns, strict=True):
            chance = Chance(self._rng, None if self._lab.has_pool else faulty, quantile)
            drawn = _Drawn(back_s, unit, chance)
            name = source.users[user][0]
            request = _Request(intended, start, source.phase, name, None, self._retries, drawn=drawn)
            self._at(admitted, partial(self._arrive, request))

    def _send_at(self, due: float, phase: int, user: str) -> None:
        start = due + self._rng.uniform(0.0, self._network.late_s)
        self._at(start, lambda: self._send(_Request(due, start, phase, user, None, self._retries)))

    def _user(self) -> str:
        return self._rng.choices(list(self._classes), list(self._classes.values()))[0]

    def _wanted_users(self) -> tuple[int, int]:
        """Return the index of the current phase and its number of closed-loop users, 0 outside such a phase."""
        found = self._scenario.phase_at(self._now)
        if found is None:
            return 0, 0
        return found[0], self._scenario.phases[found[0]].users_at(found[1]) or 0

    def _fill_up(self) -> None:
        while self._alive < self._wanted_users()[1]:
            self._alive += 1
            self._pause()

    def _pause(self) -> None:
        wait_s = self._rng.expovariate(1 / self._pause_mean_s) if self._pause_mean_s else 0.0
        self._at(self._now + wait_s, self._send_again)

    def _send_again(self) -> None:
        phase, wanted = self._wanted_users()
        if self._alive > wanted:
            self._alive -= 1
            return
        self._send(_Request(self._now, self._now, phase, self._user(), self._pause, self._retries))

    def _send(self, request: _Request) -> None:
        self._at(self._now + self._transit(), lambda: self._arrive(request))

    def _arrive(self, request: _Request) -> None:
        self._result.calls += not request.retries
        if request.user in RETRYING:
            phase = self._scenario.phases[request.phase].name
            self._result.attempts[phase] += 1
            self._result.begun[phase] += not request.retries
        self._attempt(request, self._pick_unit(request.drawn))

    def _transit(self) -> float:
        return self._network.one_way_s + self._rng.uniform(0.0, self._network.jitter_s)

    def _pick_unit(self, drawn: _Drawn | None) -> Unit:
        if self._round_robin:
            return self._units[next(self._turn) % len(self._units)]
        return self._units[self._rng.randrange(len(self._units)) if drawn is None else drawn.unit]

    # Gateway.

    def _attempt(self, request: _Request, unit: Unit) -> None:
        name = unit.choose(self._now)
        if name is None:
            return self._reply(request, unit.shed(self._now))
        breaker, ticket = unit.breakers.get(name), None
        if breaker is not None:
            ticket, events = breaker.admit(self._now)
            self._publish(unit, name, breaker, events)
            if ticket is None:
                return self._reply(request, unit.shed(self._now))
        chance = Chance(self._rng, unit=unit.index)
        if request.drawn is not None and request.attempts_left == self._retries:
            chance = request.drawn.chance._replace(unit=unit.index)
        phase = self._scenario.phases[request.phase]
        answer, outcome = self._services[name].answer(self._now, phase, chance)
        admitted, arrives = self._now, self._now + (answer.waited_s or 0.0)
        self._result.answers.append(VirtualAnswer(unit.index, name, request.start, admitted, arrives, answer.status))
        self._at(arrives, lambda: self._answered(request, unit, name, ticket, answer, outcome), first=True)
        return None

    def _answered(
        self, request: _Request, unit: Unit, name: str, ticket: Ticket | None, answer: Answer, outcome: Outcome
    ) -> None:
        if ticket is not None:
            breaker = unit.breakers[name]
            self._publish(unit, name, breaker, breaker.record(ticket, self._now, outcome))
        if request.attempts_left and answer.status in _RETRIED:
            request.attempts_left -= 1
            return self._attempt(request, unit)
        return self._reply(request, answer)

    def _publish(self, unit: Unit, name: str, breaker: Machine, events: tuple[Opened | Closed, ...]) -> None:
        for event in events:
            self._result.events.append(VirtualEvent(unit.index, name, unit.rules[name], event))
            if isinstance(event, Opened) and event.until <= self._scenario.duration_s:
                self._at(event.until, lambda: self._publish(unit, name, breaker, breaker.advance(self._now)))

    # Client.

    def _reply(self, request: _Request, answer: Answer) -> None:
        back_s = self._transit() if request.drawn is None else request.drawn.back_s
        end = self._now + self._network.gateway_s + back_s
        error = None
        limit_s, reason = patience(request.user, self._scenario)
        if end - request.start > limit_s:
            end, answer, error = request.start + limit_s, Answer(0, "client"), reason
        self._result.samples.append(self._sample(request, answer, end, error))
        self._go_on(request, answer, max(end, self._now))

    def _go_on(self, request: _Request, answer: Answer, end: float) -> None:
        """Let the client retry the call, or continue with its next one."""
        wait_s = None
        if request.retries < self._scenario.max_retries:
            wait_s = retry_wait_s(request.user, answer.status, answer.retry_after_s, request.retries, self._rng)
        if wait_s is not None:
            self._at(end + wait_s, lambda: self._resend(request))
        elif request.done is not None:
            self._at(end, request.done)

    def _resend(self, request: _Request) -> None:
        """Retry a call. Nothing is sent after the last phase, because the live generator stops there."""
        found = self._scenario.phase_at(self._now)
        if found is None:
            return
        again = _Request(self._now, self._now, found[0], request.user, request.done, self._retries, request.retries + 1)
        self._send(again)

    def _sample(self, request: _Request, answer: Answer, end: float, error: str | None) -> Row:
        good = answer.status == 200
        return Row(
            start_ns=_unix_ns(request.start),
            intended_ns=_unix_ns(request.intended),
            latency_us=int((end - request.start) * 1e6 + ROUND_UP_US),
            first_byte_us=None,
            backend_us=None
            if answer.backend is None or not self._states_wait
            else int((answer.waited_s or 0.0) * 1000) * 1000,
            status=answer.status,
            origin=answer.origin,
            backend=answer.backend,
            retry_after_s=answer.retry_after_s,
            prompt_tokens=self._scenario.tokens.prompt if good else None,
            completion_tokens=self._scenario.tokens.completion if good else None,
            error=error,
            phase=self._scenario.phases[request.phase].name,
            user=request.user,
            worker=len(self._result.samples) % self._workers,
        )


def _unix_ns(seconds: float) -> int:
    return EPOCH_NS + round(seconds * 1e9)
