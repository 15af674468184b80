"""Control plane, gateway and mock together: what ARM has accepted is what the next request meets."""

from __future__ import annotations

import base64
import json
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.provision.local.sdk import Clients, clients_of

THROTTLED = {"openaimock1.azurewebsites.net": {"response_status_code": 429}}
LAB = """
name: whole
gateway: {name: whole-apim, units: 2}
backends:
  - name: openaimock1
    breaker: {count: 3, interval: PT5M, status_codes: [429], trip_duration: PT1M}
"""


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The JSON line of a running cloud with a lab of two units."""
    lab = tmp_path_factory.mktemp("lab") / "whole.yaml"
    lab.write_text(LAB)
    command = [sys.executable, "-m", "provision.local", str(lab), "--stop-with-stdin"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())
        assert process.stdin is not None
        process.stdin.close()


@pytest.fixture(scope="module")
def whole(line: dict[str, Any]) -> Iterator[Clients]:
    with clients_of(line) as made:
        yield made


def chat(line: dict[str, Any], simulation: dict[str, Any] | None = None, key: str | None = None) -> int:
    """Status of one chat completion; each has a connection of its own, so either unit may get it."""
    url = f"{line['gateway_url']}/openai/deployments/gpt-5.1/chat/completions?api-version=2024-02-01"
    headers = {"api-key": line["api_key"] if key is None else key, "Content-Type": "application/json"}
    if simulation is not None:
        headers["x-simulation"] = json.dumps(simulation)
    body = b'{"messages": [{"role": "user", "content": "hi"}]}'
    request = urllib.request.Request(url, body, headers)  # noqa: S310  # http, loopback
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310  # http, loopback
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def counts(line: dict[str, Any]) -> dict[str, Any]:
    context = ssl.create_default_context(cafile=line["ca_file"])
    with urllib.request.urlopen(f"{line['admin_url']}/counts", context=context) as answer:  # noqa: S310  # https
        return dict(json.load(answer))


def put_options(line: dict[str, Any], **options: Any) -> None:
    """Replace the `local:` options, as the owner."""
    pair = base64.b64encode(f"{line['client_id']}:{line['client_secret']}".encode()).decode()
    headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/json"}
    request = urllib.request.Request(  # noqa: S310  # https
        f"{line['admin_url']}/options", json.dumps(options).encode(), headers, method="PUT"
    )
    context = ssl.create_default_context(cafile=line["ca_file"])
    urllib.request.urlopen(request, context=context).close()  # noqa: S310  # https


def put_rule(whole: Clients, count: int) -> None:
    where = ("lab-ai-gateway", "whole-apim", "openaimock1")
    entity = whole.apim.backend.get(*where)
    entity.circuit_breaker.rules[0].failure_condition.count = count
    whole.apim.backend.create_or_update(*where, entity, if_match="*")


def token(line: dict[str, Any], audience: str) -> str:
    """An access token for an audience, as a program gets it from the local tenant."""
    asked = {"grant_type": "client_credentials", "scope": f"{audience}/.default"}
    form = urllib.parse.urlencode(asked | {name: line[name] for name in ("client_id", "client_secret")})
    url = f"{line['management_url']}/{line['tenant_id']}/oauth2/v2.0/token"
    context = ssl.create_default_context(cafile=line["ca_file"])
    with urllib.request.urlopen(url, form.encode(), context=context) as answer:  # noqa: S310  # https
        return str(json.load(answer)["access_token"])


def guarded(line: dict[str, Any], authorization: str) -> tuple[int, str]:
    """Status and body of the API that only lets tokens in."""
    request = urllib.request.Request(f"{line['gateway_url']}/guarded/", headers={"Authorization": authorization})  # noqa: S310  # http, loopback
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310  # http, loopback
            return int(answer.status), answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def guard(whole: Clients, policy: str) -> None:
    """An API that answers 200 by itself to whom `policy` lets in."""
    where, apim = ("lab-ai-gateway", "whole-apim"), whole.apim
    contract = {"displayName": "guarded", "path": "guarded", "protocols": ["https"], "subscriptionRequired": False}
    apim.api.begin_create_or_update(*where, "guarded", {"properties": contract}).result()
    operation = {"displayName": "get", "method": "GET", "urlTemplate": "/"}
    apim.api_operation.create_or_update(*where, "guarded", "get", {"properties": operation})
    value = (
        f"<policies><inbound><base />{policy}<return-response><set-body>in</set-body></return-response></inbound>"
        "<backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
    )
    apim.api_policy.create_or_update(*where, "guarded", "policy", {"properties": {"format": "rawxml", "value": value}})


LOGIN = "https://login.microsoftonline.com"
OPENID = f'<openid-config url="{LOGIN}/{{tenant}}/v2.0/.well-known/openid-configuration" />'


@pytest.mark.parametrize(
    "policy",
    [
        '<validate-azure-ad-token tenant-id="{tenant}"><audiences><audience>api://mine</audience></audiences>'
        "</validate-azure-ad-token>",
        f'<validate-jwt header-name="Authorization">{OPENID}<audiences><audience>api://mine</audience></audiences>'
        "</validate-jwt>",
        f'<validate-jwt header-name="Authorization">{OPENID.format(tenant="common")}<audiences>'
        "<audience>api://mine</audience></audiences></validate-jwt>",
    ],
)
def test_tokens_of_the_local_tenant_pass_policies_that_name_entra(
    line: dict[str, Any], whole: Clients, policy: str
) -> None:
    guard(whole, policy.replace("{tenant}", line["tenant_id"]))
    assert guarded(line, f"Bearer {token(line, 'api://mine')}") == (200, "in")
    assert guarded(line, f"Bearer {token(line, 'api://other')}")[0] == 401
    assert guarded(line, "Bearer e30.e30.e30")[0] == 401


def test_a_token_of_the_local_tenant_is_no_other_tenants(line: dict[str, Any], whole: Clients) -> None:
    guard(whole, '<validate-azure-ad-token tenant-id="11111111-1111-1111-1111-111111111111" />')
    assert guarded(line, f"Bearer {token(line, 'api://mine')}")[0] == 401


def test_a_policy_gets_a_token_from_entras_own_address(line: dict[str, Any], whole: Clients) -> None:
    guard(
        whole,
        f'<send-request mode="new" response-variable-name="t"><set-url>{LOGIN}/{line["tenant_id"]}/oauth2/v2.0/token'
        '</set-url><set-method>POST</set-method><set-header name="Content-Type" exists-action="override">'
        "<value>application/x-www-form-urlencoded</value></set-header>"
        f"<set-body>grant_type=client_credentials&amp;client_id={line['client_id']}"
        f"&amp;client_secret={line['client_secret']}&amp;scope=api://mine/.default</set-body></send-request>"
        '<return-response><set-body>@((string)((IResponse)context.Variables["t"]).Body.As<JObject>()["token_type"])'
        "</set-body></return-response>",
    )
    assert guarded(line, "none") == (200, "Bearer")


def test_two_units_count_every_request_once(line: dict[str, Any]) -> None:
    before = counts(line)
    assert [chat(line) for _ in range(20)] == [200] * 20
    after = counts(line)
    assert after["gateway"]["requests"] - before["gateway"]["requests"] == 20
    assert len(after["units"]) == 2
    assert after["mock"]["requests"] - before["mock"]["requests"] == 20


def test_a_new_key_opens_and_the_old_one_is_shut_at_once(line: dict[str, Any], whole: Clients) -> None:
    where = ("lab-ai-gateway", "whole-apim")
    whole.apim.subscription.create_or_update(*where, "mine", {"properties": {"displayName": "m", "scope": "/apis"}})
    first = whole.apim.subscription.list_secrets(*where, "mine").primary_key
    assert {chat(line, key=first) for _ in range(6)} == {200}
    whole.apim.subscription.regenerate_primary_key(*where, "mine")
    second = whole.apim.subscription.list_secrets(*where, "mine").primary_key
    assert {chat(line, key=first) for _ in range(6)} == {401}
    assert {chat(line, key=second) for _ in range(6)} == {200}


def test_a_changed_rule_is_in_force_in_every_unit_and_events_tell_of_each_trip(
    line: dict[str, Any], whole: Clients
) -> None:
    put_rule(whole, 1)
    statuses = [chat(line, THROTTLED) for _ in range(40)]
    assert statuses.count(429) == 2, "one failure trips each unit"
    assert statuses.count(503) == 38
    events = [json.loads(text) for text in Path(line["events_file"]).read_text().splitlines()]
    opened = [event for event in events if event["eventType"].endswith(".Opened")]
    assert {event["data"]["local"]["unit"] for event in opened} == {0, 1}
    assert {event["subject"] for event in opened} == {"/backends/openaimock1/circuit-breaker/rules/breaker"}


def test_the_number_of_units_follows_the_override_and_without_it_the_service(line: dict[str, Any]) -> None:
    for override, wanted in ((3, 3), (1, 1), (None, 2)):
        put_options(line, unit_count_override=override)
        before = counts(line)
        assert len(before["units"]) == wanted
        assert {chat(line) for _ in range(12)} <= {200, 503}, "a new unit has a breaker of its own"
        assert counts(line)["gateway"]["requests"] - before["gateway"]["requests"] == 12
