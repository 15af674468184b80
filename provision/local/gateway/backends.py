"""Backend entities: their URL, credentials, breaker and pool, and the state that survives a change of configuration."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from provision.local.apim.context import Url
from provision.local.apim.policies.targets import parse_url
from provision.local.apim.services import PolicyFault
from provision.local.gateway.config import BackendConfig
from tripcurve.breaker import Breaker, Closed, Opened, Outcome, Ticket
from tripcurve.breaker.pool import Member, Pool
from tripcurve.durations import parse_seconds
from tripcurve.lab.local_options import LocalOptions
from tripcurve.lab.rule import BreakerRule

__all__ = ["Affinity", "BackendEntity", "Backends", "Publish", "rule_of"]

Publish = Callable[[str, str, Opened | Closed], None]
"""Called with the backend's name, the rule's name and the event."""


@dataclass(frozen=True, slots=True)
class Affinity:
    """A pool's session affinity: the cookie that binds a client to a member."""

    cookie: str


@dataclass(slots=True)
class BackendEntity:
    """One backend on this unit. Its breaker's state is shared by all calls to it."""

    name: str
    properties: Mapping[str, Any]
    url: Url | None = None
    """None for a pool, or for a backend whose URL cannot be called."""
    region: str = ""
    breaker: Breaker | None = None
    members: tuple[str, ...] = ()
    pool: Pool | None = None
    affinity: Affinity | None = None
    opened_at: float = 0.0
    timer: asyncio.TimerHandle | None = None
    in_flight: set[Callable[[], None]] = field(default_factory=set)
    """Functions that cancel the calls in flight. Used only if `in_flight_at_trip` is `cancelled`."""

    @property
    def is_pool(self) -> bool:
        return self.pool is not None

    @property
    def shed_status(self) -> int:
        """The status to answer with while the breaker, or every member of the pool, is open."""
        if self.is_pool:
            status = ((self.properties.get("pool") or {}).get("failureResponse") or {}).get("statusCode")
        else:
            status = self.breaker.rule.failure_response if self.breaker is not None else None
        return 503 if status is None else int(status)


class Backends:
    """The backend entities of one unit.

    Events of their breakers go to `publish`. A timer reports each reset at its deadline.
    """

    def __init__(self, publish: Publish, clock: Callable[[], float], unit: int = 0) -> None:
        self._publish, self._clock, self._unit = publish, clock, unit
        self._options = LocalOptions()
        self._entities: dict[str, BackendEntity] = {}

    def get(self, name: str) -> BackendEntity | None:
        """Return the backend with a name or ARM id, compared without case, or None."""
        return self._entities.get(name.rpartition("/")[2].lower())

    def update(self, configs: Sequence[BackendConfig], options: LocalOptions) -> None:
        """Use a new configuration. Breakers are kept or replaced as `backend_put_while_open` says.

        Raises ValueError for a rule that cannot be read.
        """
        rules = {config.name: rule_of(config.properties) for config in configs}  # may raise: then nothing has changed
        self._options = options
        before, self._entities = self._entities, {}
        for config in configs:
            name = config.name.lower()
            self._entities[name] = self._entity(config, rules[config.name], before.pop(name, None))
        for gone in before.values():
            self._retire(gone)

    def admits(self, name: str, now: float) -> bool:
        """Return whether a request could be sent to this backend now."""
        entity = self.get(name)
        return entity is not None and (entity.breaker is None or entity.breaker.admits(now))

    def admit(self, entity: BackendEntity, now: float) -> Ticket | None:
        """Ask the backend's breaker for admission; None if it is open. The backend must have a breaker."""
        assert entity.breaker is not None  # noqa: S101  # callers ask only then; narrows the type
        ticket, events = entity.breaker.admit(now)
        if events:
            self._tell(entity, events)
        return ticket

    def record(self, entity: BackendEntity, ticket: Ticket, now: float, outcome: Outcome) -> None:
        """Report the outcome of an admitted request to the breaker."""
        if entity.breaker is None:
            return
        events = entity.breaker.record(ticket, now, outcome)
        if events:
            self._tell(entity, events)

    def close(self) -> None:
        for entity in self._entities.values():
            _stop(entity)

    def states(self) -> dict[str, float | None]:
        """Return each breaker's deadline on this unit's clock if it is open, or None if it is closed."""
        return {
            entity.name: entity.breaker.open_until for entity in self._entities.values() if entity.breaker is not None
        }

    def _entity(self, config: BackendConfig, rule: BreakerRule | None, before: BackendEntity | None) -> BackendEntity:
        properties = config.properties
        entity = BackendEntity(config.name, properties, region=str(properties.get("azureRegion") or ""))
        if str(properties.get("type") or "Single").lower() == "pool":
            pool = properties.get("pool") or {}
            members = [_member(service) for service in pool.get("services") or ()]
            entity.members = tuple(member.name for member in members)
            entity.pool = Pool(members, self._options, self._options.seed + self._unit)
            entity.affinity = _affinity(pool)
        else:
            entity.url = _url(properties)
        if rule is not None and not entity.is_pool:
            self._place_breaker(entity, rule, before)
        elif before is not None:
            self._retire(before)
        return entity

    def _place_breaker(self, entity: BackendEntity, rule: BreakerRule, before: BackendEntity | None) -> None:
        kept = before.breaker if before is not None else None
        if before is None or kept is None:
            entity.breaker = Breaker(rule, self._options)
            return
        policy = self._options.backend_put_while_open
        if policy == "kept":
            if kept.rule != rule or kept.options != self._options:
                kept.revise(rule, self._options)
        elif kept.rule != rule or kept.options != self._options or self._was_put(policy, entity, before):
            self._retire(before)
            kept = Breaker(rule, self._options)
        _stop(before)
        entity.breaker, entity.opened_at, entity.in_flight = kept, before.opened_at, before.in_flight
        self._arm(entity)

    @staticmethod
    def _was_put(policy: str, entity: BackendEntity, before: BackendEntity) -> bool:
        """Return whether the backend was stored again, as far as the snapshots show, and whether that resets its
        breaker.
        """
        return policy == "reset" and entity.properties != before.properties

    def _retire(self, entity: BackendEntity) -> None:
        """Discard a breaker. If it is open, report that it closes now or closed at its deadline."""
        _stop(entity)
        breaker = entity.breaker
        if breaker is None or breaker.open_until is None:
            return
        now, until = self._clock(), breaker.open_until
        at = until if until <= now and not breaker.options.half_open_probes else now
        fired = at if breaker.options.closed_event == "at_deadline" else now
        self._publish(entity.name, breaker.rule.name, Closed(at, now, fired, at - entity.opened_at))

    def _tell(self, entity: BackendEntity, events: Iterable[Opened | Closed]) -> None:
        breaker = entity.breaker
        if breaker is None:
            return
        for event in events:
            self._publish(entity.name, breaker.rule.name, event)
            if isinstance(event, Opened):
                entity.opened_at = event.at
                for cancel in list(entity.in_flight):
                    cancel()
        self._arm(entity)

    def _arm(self, entity: BackendEntity) -> None:
        """Set a timer that reports the reset when it happens, even if no request arrives."""
        _stop(entity)
        until = entity.breaker.open_until if entity.breaker is not None else None
        if until is not None:
            delay = max(until - self._clock(), 0.0)
            entity.timer = asyncio.get_running_loop().call_later(delay, self._deadline, entity)

    def _deadline(self, entity: BackendEntity) -> None:
        entity.timer = None
        breaker = entity.breaker
        if breaker is None:
            return
        now = self._clock()
        events = breaker.advance(now)
        if events:
            self._tell(entity, events)
        elif breaker.open_until is not None and breaker.open_until > now:
            self._arm(entity)  # the timer was early by its resolution, or the trip was extended


def rule_of(properties: Mapping[str, Any]) -> BreakerRule | None:
    """Return the breaker rule in ARM's `properties`, or None if there is none.

    The control plane has already checked it. A rule that it accepted under the option `rule_bounds` is used as it is.
    """
    rules = (properties.get("circuitBreaker") or {}).get("rules") or []
    if not rules:
        return None
    rule = rules[0]
    condition = rule.get("failureCondition") or {}
    values: dict[str, Any] = {
        "name": rule.get("name") or "breaker",
        "count": condition.get("count"),
        "percentage": condition.get("percentage"),
        "interval": parse_seconds(condition.get("interval", "PT1H")),
        "status_codes": tuple((each["min"], each["max"]) for each in condition.get("statusCodeRanges") or ()),
        "error_reasons": tuple(condition.get("errorReasons") or ()),
        "trip_duration": parse_seconds(rule.get("tripDuration", "PT1H")),
        "accept_retry_after": bool(rule.get("acceptRetryAfter")),
        "failure_response": (rule.get("failureResponse") or {}).get("statusCode"),
    }
    try:
        return BreakerRule(**values)
    except ValidationError:
        return BreakerRule.model_construct(**values)


def _url(properties: Mapping[str, Any]) -> Url | None:
    """Return the backend's URL, or None if it has none that can be called, in which case every call fails."""
    try:
        return parse_url(str(properties.get("url") or ""), "backend")
    except PolicyFault:
        return None


def _member(service: Mapping[str, Any]) -> Member:
    return Member(str(service["id"]).rpartition("/")[2], service.get("priority"), service.get("weight"))


def _affinity(pool: Mapping[str, Any]) -> Affinity | None:
    session = (pool.get("sessionAffinity") or {}).get("sessionId") or {}
    name = session.get("name")
    return Affinity(str(name)) if name and str(session.get("source", "Cookie")).lower() == "cookie" else None


def _stop(entity: BackendEntity) -> None:
    if entity.timer is not None:
        entity.timer.cancel()
        entity.timer = None
