"""Backend entities across changes of configuration."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from provision.local.gateway.backends import Backends, rule_of
from provision.local.gateway.config import BackendConfig
from tests.provision.local.gateway.rig import Clock, rule, single
from tripcurve.breaker import Closed, Opened, Outcome
from tripcurve.lab.local_options import LocalOptions

ACTIONS = st.one_of(
    st.sampled_from(["fail", "succeed", "time out"]),
    st.floats(0.1, 90).map(lambda seconds: ("wait", seconds)),
    st.sampled_from([1, 3, None]).map(lambda count: ("store", count)),
)
PUT = st.sampled_from(["kept_if_unchanged", "reset", "kept"])


@given(st.lists(ACTIONS, max_size=40), PUT)
@example(["fail", "fail", "fail", ("wait", 61.0), ("store", 1)], "kept_if_unchanged")
def test_every_trip_is_followed_by_its_reset_before_the_next(actions: list[Any], put: str) -> None:
    told: list[Opened | Closed] = []
    asyncio.run(_play(actions, put, told))
    kinds = [type(event) for event in told]
    assert all(kind is (Opened if index % 2 == 0 else Closed) for index, kind in enumerate(kinds))
    instants = [event.at for event in told]
    assert instants == sorted(instants)
    for opened, closed in zip(told[::2], told[1::2], strict=False):
        assert isinstance(opened, Opened)
        assert closed.at <= opened.until


async def _play(actions: list[Any], put: str, told: list[Opened | Closed]) -> None:
    clock = Clock()
    options = LocalOptions(backend_put_while_open=put)  # type: ignore[arg-type]  # one of its values
    backends = Backends(lambda backend, rule, event: told.append(event), clock)
    backends.update([BackendConfig.model_validate(single(breaker=rule(3)))], options)
    for action in actions:
        if isinstance(action, tuple) and action[0] == "wait":
            clock.now += action[1]
        elif isinstance(action, tuple):
            breaker = None if action[1] is None else rule(action[1])
            backends.update([BackendConfig.model_validate(single(breaker=breaker))], options)
        else:
            _ask(backends, clock.now, action)
    backends.close()


def _ask(backends: Backends, now: float, outcome: str) -> None:
    entity = backends.get("ONE")
    assert entity is not None
    if entity.breaker is None:
        return
    ticket = backends.admit(entity, now)
    if ticket is not None:
        outcomes = {"fail": Outcome(429), "succeed": Outcome(200), "time out": Outcome(None, "Timeout")}
        backends.record(entity, ticket, now, outcomes[outcome])


@pytest.mark.parametrize("name", ["one", "ONE", "/backends/one", "/subscriptions/s/service/x/backends/One"])
def test_backend_is_found_by_name_or_id_without_case(name: str) -> None:
    backends = Backends(lambda backend, rule, event: None, Clock())
    backends.update([BackendConfig.model_validate(single())], LocalOptions())
    found = backends.get(name)
    assert found is not None
    assert found.name == "one"


def test_rule_is_read_from_arms_words() -> None:
    properties = single(breaker=rule(5, "PT30S", acceptRetryAfter=True, condition={"errorReasons": ["Timeout"]}))[
        "properties"
    ]
    read = rule_of(properties)
    assert read is not None
    assert (read.name, read.count, read.interval, read.trip_duration) == ("rule", 5, 300.0, 30.0)
    assert (read.status_codes, read.error_reasons, read.accept_retry_after) == (((429, 429),), ("Timeout",), True)


def test_rule_out_of_bounds_that_was_stored_runs_as_it_stands() -> None:
    read = rule_of(single(breaker=rule(0, condition={"statusCodeRanges": [{"min": 503, "max": 500}]}))["properties"])
    assert read is not None
    assert (read.count, read.status_codes) == (0, ((503, 500),))


@pytest.mark.parametrize("properties", [{}, {"circuitBreaker": None}, {"circuitBreaker": {"rules": []}}])
def test_no_rule_is_none(properties: dict[str, Any]) -> None:
    assert rule_of(properties) is None
