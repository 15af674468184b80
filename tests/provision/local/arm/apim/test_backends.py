"""Backends, breakers and pools through the SDK."""

from __future__ import annotations

from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.mgmt.apimanagement import models

from tests.provision.local.arm.refusals import raw, refused
from tests.provision.local.running import Running
from tests.provision.local.samples import SERVICE, Place
from tests.provision.local.sdk import Clients, unique

RULE: dict[str, Any] = {
    "name": "myBreakerRule",
    "failureCondition": {
        "count": 3,
        "interval": "PT5M",
        "errorReasons": ["Server errors"],
        "statusCodeRanges": [{"min": 429, "max": 429}],
    },
    "tripDuration": "PT1M",
}


def backend(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    properties = {"url": "https://a.openai.azure.com/openai", "protocol": "http", **more}
    if rules:
        properties["circuitBreaker"] = {"rules": list(rules)}
    return {"properties": {key: value for key, value in properties.items() if value is not None}}


def rule(**changes: Any) -> dict[str, Any]:
    condition = {**RULE["failureCondition"], **changes.pop("condition", {})}
    return {**RULE, "failureCondition": {k: v for k, v in condition.items() if v is not None}, **changes}


def test_a_backend_comes_back_as_it_was_put(clients: Clients, place: Place) -> None:
    name = unique("backend")
    clients.apim.backend.create_or_update(*place.at, name, backend(RULE, title="T", description="D"))
    found = clients.apim.backend.get(*place.at, name)
    assert (found.title, found.description, found.protocol) == ("T", "D", "http")
    (read,) = found.circuit_breaker.rules
    assert read.failure_condition.count == 3
    assert read.failure_condition.interval.total_seconds() == 300
    assert read.trip_duration.total_seconds() == 60


def test_a_put_is_answered_once_the_gateway_has_it(clients: Clients, place: Place, running: Running) -> None:
    name = unique("backend")
    clients.apim.backend.create_or_update(*place.at, name, backend(RULE))
    told = [entry for entry in running.told() if entry["service"]["name"] == place.service][-1]
    mine = [entry for entry in told["backends"] if entry["name"] == name]
    assert mine[0]["properties"]["circuitBreaker"]["rules"] == [RULE]


def test_sdk_models_are_accepted_as_well_as_dicts(clients: Clients, place: Place) -> None:
    name = unique("backend")
    contract = models.BackendContract(url="https://a.openai.azure.com", protocol="http", title="typed")
    assert clients.apim.backend.create_or_update(*place.at, name, contract).title == "typed"


def test_every_write_changes_the_etag_and_a_stale_one_is_refused(clients: Clients, place: Place) -> None:
    name, backends = unique("backend"), clients.apim.backend
    tags: list[str] = []

    def keep(_: Any, __: Any, headers: dict[str, str]) -> None:
        tags.append(headers["ETag"])

    backends.create_or_update(*place.at, name, backend(), cls=keep)
    backends.create_or_update(*place.at, name, backend(title="new"), if_match=tags[0], cls=keep)
    assert tags[0] != tags[1]
    with refused() as said:
        backends.update(*place.at, name, if_match=tags[0], parameters={"properties": {"title": "stale"}})
    assert (said.status, said.code) == (412, "PreconditionFailed")
    with refused() as said:
        backends.delete(*place.at, name, if_match=tags[0])
    assert said.status == 412
    backends.delete(*place.at, name, if_match="*")
    with pytest.raises(ResourceNotFoundError):
        backends.get(*place.at, name)


def test_a_patch_changes_what_it_names(clients: Clients, place: Place) -> None:
    name, backends = unique("backend"), clients.apim.backend
    backends.create_or_update(*place.at, name, backend(RULE, title="old", description="kept"))
    backends.update(*place.at, name, if_match="*", parameters={"properties": {"title": "new"}})
    found = backends.get(*place.at, name)
    assert (found.title, found.description) == ("new", "kept")
    assert found.circuit_breaker.rules[0].name == "myBreakerRule"


def test_head_returns_the_etag_and_whether_the_resource_exists(clients: Clients, place: Place) -> None:
    name = unique("backend")
    clients.apim.backend.create_or_update(*place.at, name, backend())
    assert clients.apim.backend.get_entity_tag(*place.at, name)
    with pytest.raises(ResourceNotFoundError):
        clients.apim.backend.get_entity_tag(*place.at, "absent")


def test_a_missing_backend_is_reported_as_missing(clients: Clients, place: Place) -> None:
    with refused() as said:
        clients.apim.backend.get(*place.at, "absent")
    assert (said.status, said.code, said.message) == (404, "ResourceNotFound", "Backend not found.")


def test_a_list_is_paged(clients: Clients, group: str) -> None:
    service = unique("service")
    clients.apim.api_management_service.begin_create_or_update(group, service, SERVICE).result()
    names = [f"b{index:03}" for index in range(7)]
    for name in names:
        clients.apim.backend.create_or_update(group, service, name, backend())
    pages = [
        [found.name for found in one] for one in clients.apim.backend.list_by_service(group, service, top=3).by_page()
    ]
    assert [len(one) for one in pages] == [3, 3, 1]
    assert [name for one in pages for name in one] == names
    assert [found.name for found in clients.apim.backend.list_by_service(group, service, skip=5)] == names[5:]


def test_reconnect_is_accepted(clients: Clients, place: Place) -> None:
    name = unique("backend")
    clients.apim.backend.create_or_update(*place.at, name, backend())
    clients.apim.backend.reconnect(*place.at, name)


def test_a_pool_takes_neither_url_nor_protocol_in_the_services_words(clients: Clients, place: Place) -> None:
    member, pool = unique("member"), unique("pool")
    clients.apim.backend.create_or_update(*place.at, member, backend())
    services = {"services": [{"id": f"/backends/{member}"}]}
    with refused() as said:
        clients.apim.backend.create_or_update(*place.at, pool, backend(type="Pool", pool=services))
    assert (said.status, said.code) == (400, "ValidationError")
    assert said.message == "One or more fields contain incorrect values:"
    assert said.details == {
        "url": "Url is not supported for backend pool.",
        "protocol": "Protocol is not supported for backend pool.",
    }


def test_a_pool_takes_short_and_full_member_ids(clients: Clients, place: Place) -> None:
    one, two, pool = unique("member"), unique("member"), unique("pool")
    first = clients.apim.backend.create_or_update(*place.at, one, backend())
    clients.apim.backend.create_or_update(*place.at, two, backend())
    members = [{"id": first.id, "priority": 1, "weight": 1}, {"id": f"/backends/{two}", "priority": 2, "weight": 1}]
    body = backend(url=None, protocol=None, type="Pool", pool={"services": members})
    made = clients.apim.backend.create_or_update(*place.at, pool, body)
    assert [member.priority for member in made.pool.services] == [1, 2]


@pytest.mark.parametrize(
    "members",
    [
        [],
        [{"id": "/backends/absent"}],
        [{"weight": 1}],
        [{"id": "/backends/MEMBER", "weight": 101}],
        [{"id": "/backends/MEMBER", "priority": -1}],
        [{"id": "/backends/MEMBER"}] * 31,
    ],
)
def test_wrong_members_are_refused(clients: Clients, place: Place, running: Running, members: list[Any]) -> None:
    name = unique("member")
    clients.apim.backend.create_or_update(*place.at, name, backend())
    named = [
        {**member, "id": member["id"].replace("MEMBER", name)} if "id" in member else dict(member) for member in members
    ]
    body = backend(url=None, protocol=None, type="Pool", pool={"services": named})
    with refused() as said:
        clients.apim.backend.create_or_update(*place.at, unique("pool"), raw(body))
    assert said.code == "ValidationError"
    assert all(target.startswith("pool.services") for target in said.details)


def test_a_pool_cannot_contain_a_pool(clients: Clients, place: Place) -> None:
    member, pool = unique("member"), unique("pool")
    clients.apim.backend.create_or_update(*place.at, member, backend())
    body = {"properties": {"type": "Pool", "pool": {"services": [{"id": f"/backends/{member}"}]}}}
    clients.apim.backend.create_or_update(*place.at, pool, body)
    outer = {"properties": {"type": "Pool", "pool": {"services": [{"id": f"/backends/{pool}"}]}}}
    with refused() as said:
        clients.apim.backend.create_or_update(*place.at, unique("pool"), outer)
    assert "another pool" in next(iter(said.details.values()))


def test_a_second_rule_is_refused(clients: Clients, place: Place) -> None:
    with refused() as said:
        clients.apim.backend.create_or_update(*place.at, unique("backend"), backend(RULE, {**RULE, "name": "two"}))
    assert said.details == {"circuitBreaker.rules": "Only one circuit breaker rule is supported per backend."}


def test_a_breaker_is_refused_on_consumption(clients: Clients, group: str) -> None:
    service = unique("service")
    consumption = {**SERVICE, "sku": {"name": "Consumption", "capacity": 0}}
    clients.apim.api_management_service.begin_create_or_update(group, service, consumption).result()
    clients.apim.backend.create_or_update(group, service, "without", backend())
    with refused() as said:
        clients.apim.backend.create_or_update(group, service, "with", backend(RULE))
    assert "Consumption" in said.details["circuitBreaker"]


@pytest.mark.parametrize(
    ("wrong", "target"),
    [
        (rule(tripDuration="one minute"), "circuitBreaker.rules[0].tripDuration"),
        (rule(condition={"interval": "5 minutes"}), "circuitBreaker.rules[0].failureCondition.interval"),
        (
            rule(condition={"statusCodeRanges": [{"min": 100, "max": 429}]}),
            "circuitBreaker.rules[0].failureCondition.statusCodeRanges[0]",
        ),
        (rule(condition={"count": "three"}), "circuitBreaker.rules[0].failureCondition.count"),
        (rule(condition={"errorReasons": ["x"] * 11}), "circuitBreaker.rules[0].failureCondition.errorReasons"),
    ],
)
def test_a_wrong_rule_is_refused_by_field(
    running: Running, clients: Clients, place: Place, wrong: dict[str, Any], target: str
) -> None:
    with refused() as said:
        clients.apim.backend.create_or_update(*place.at, unique("backend"), raw(backend(wrong)))
    assert list(said.details) == [target]


@pytest.mark.parametrize(
    "doubtful",
    [
        rule(condition={"percentage": 50}),
        rule(condition={"count": None}),
        rule(condition={"count": 10_001}),
        rule(condition={"statusCodeRanges": [{"min": 503, "max": 500}]}),
        rule(tripDuration="PT0S"),
    ],
)
def test_a_doubtful_rule_is_accepted_or_refused_as_the_lab_says(
    running: Running, clients: Clients, place: Place, doubtful: dict[str, Any]
) -> None:
    name = unique("backend")
    running.admin("PUT", "options", {"rule_bounds": "reject"})
    try:
        with refused() as said:
            clients.apim.backend.create_or_update(*place.at, name, raw(backend(doubtful)))
        assert said.code == "ValidationError"
    finally:
        running.admin("PUT", "options", {})
    clients.apim.backend.create_or_update(*place.at, name, raw(backend(doubtful)))


def test_an_unsupported_breaker_is_ignored_if_the_lab_says_so(running: Running, clients: Clients, place: Place) -> None:
    running.admin("PUT", "options", {"unsupported_breaker": "ignore"})
    try:
        made = clients.apim.backend.create_or_update(
            *place.at, unique("backend"), backend(RULE, {**RULE, "name": "two"})
        )
    finally:
        running.admin("PUT", "options", {})
    assert [kept.name for kept in made.circuit_breaker.rules] == ["myBreakerRule"]


SINCE_2025 = {"api_version": "2025-09-01-preview"}
TO_429 = {"failureResponse": {"statusCode": 429}}


def test_the_status_of_an_open_breaker_reaches_the_gateway(clients: Clients, place: Place, running: Running) -> None:
    name = unique("backend")
    clients.apim.backend.create_or_update(*place.at, name, raw(backend(rule(**TO_429))), **SINCE_2025)
    entry = [entry for entry in running.told() if entry["service"]["name"] == place.service][-1]
    [mine] = [entry for entry in entry["backends"] if entry["name"] == name]
    assert mine["properties"]["circuitBreaker"]["rules"][0]["failureResponse"] == {"statusCode": 429}


@pytest.mark.parametrize(
    ("wrong", "version", "target"),
    [
        (rule(**TO_429), {}, "failureResponse"),
        (rule(failureResponse={"statusCode": 999}), SINCE_2025, "failureResponse.statusCode"),
        (rule(failureResponse={}), SINCE_2025, "failureResponse.statusCode"),
        (rule(failureResponse={"statusCode": 429, "body": "no"}), SINCE_2025, "failureResponse.body"),
        (rule(failureresponse={"statusCode": 429}), SINCE_2025, "failureresponse"),
        (rule(openFor="PT1M"), {}, "openFor"),
        (rule(condition={"counts": 3}), {}, "failureCondition.counts"),
    ],
)
def test_a_rule_with_a_key_that_its_api_version_does_not_have_is_refused(
    clients: Clients, place: Place, wrong: dict[str, Any], version: dict[str, str], target: str
) -> None:
    with refused() as said:
        clients.apim.backend.create_or_update(*place.at, unique("backend"), raw(backend(wrong)), **version)
    assert list(said.details) == [f"circuitBreaker.rules[0].{target}"]


@pytest.mark.parametrize(
    ("affinity", "target"),
    [
        ({"sessionId": {"source": "Cookie", "name": "SessionId"}}, None),
        ({"sessionId": {"source": "cookie", "name": "SessionId"}}, None),
        ({"sessionId": {"source": "Header", "name": "SessionId"}}, "pool.sessionAffinity.sessionId.source"),
        ({"sessionId": {"source": "Cookie"}}, "pool.sessionAffinity.sessionId"),
        ({}, "pool.sessionAffinity.sessionId"),
        (3, "pool.sessionAffinity.sessionId"),
    ],
)
def test_session_affinity_needs_a_cookie_with_a_name(
    clients: Clients, place: Place, affinity: Any, target: str | None
) -> None:
    member = unique("member")
    put = clients.apim.backend.create_or_update
    put(*place.at, member, {"properties": {"url": "https://a.example", "protocol": "http"}})
    pool = {"services": [{"id": f"/backends/{member}"}], "sessionAffinity": affinity}
    body = raw({"properties": {"type": "Pool", "pool": pool}})
    if target is None:
        put(*place.at, unique("pool"), body, **SINCE_2025)
        return
    with refused() as said:
        put(*place.at, unique("pool"), body, **SINCE_2025)
    assert list(said.details) == [target]


NEWER = {
    "azureRegion": "westus",
    "credentials": {"header": {"x": ["kept"]}, "managedIdentity": {"resource": "https://cognitiveservices.azure.com"}},
}


def test_an_older_api_version_does_not_show_newer_fields_and_loses_them_when_it_writes(
    clients: Clients, place: Place
) -> None:
    name, backends = unique("backend"), clients.apim.backend

    def properties(response: Any, *_: Any) -> dict[str, Any]:
        return dict(response.http_response.json()["properties"])

    backends.create_or_update(*place.at, name, raw(backend(rule(**TO_429), **NEWER)), **SINCE_2025)
    older = backends.get(*place.at, name, cls=properties)
    assert "azureRegion" not in older
    assert older["credentials"] == {"header": {"x": ["kept"]}}
    assert "failureResponse" not in older["circuitBreaker"]["rules"][0]
    (listed,) = [one for one in backends.list_by_service(*place.at) if one.name == name]
    assert listed.circuit_breaker.rules[0].name == "myBreakerRule"
    assert backends.get(*place.at, name, cls=properties, **SINCE_2025)["azureRegion"] == "westus"
    backends.update(*place.at, name, if_match="*", parameters={"properties": {"title": "patched"}})
    assert backends.get(*place.at, name, cls=properties, **SINCE_2025)["azureRegion"] == "westus"
    backends.create_or_update(*place.at, name, raw({"properties": older}))
    assert "azureRegion" not in backends.get(*place.at, name, cls=properties, **SINCE_2025)


@pytest.mark.parametrize(
    ("newer", "target"),
    [
        ({"azureRegion": "westus"}, "azureRegion"),
        ({"credentials": {"managedIdentity": {}}}, "credentials.managedIdentity"),
    ],
)
def test_an_older_api_version_refuses_a_field_that_it_does_not_have(
    clients: Clients, place: Place, newer: dict[str, Any], target: str
) -> None:
    with refused() as said:
        clients.apim.backend.create_or_update(*place.at, unique("backend"), raw(backend(**newer)))
    assert list(said.details) == [target]
    assert said.details[target].startswith(f"Could not find member '{target.rpartition('.')[2]}'")
