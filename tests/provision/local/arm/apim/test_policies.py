"""Policies, named values and fragments: nothing is stored that the gateway could not run."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from tests.provision.local.arm.refusals import raw, refused
from tests.provision.local.running import Running
from tests.provision.local.samples import SERVICE, Place
from tests.provision.local.sdk import Clients, unique


def policy(inbound: str = "", backend: str = "<base />") -> str:
    return (
        f"<policies><inbound><base />{inbound}</inbound><backend>{backend}</backend>"
        "<outbound><base /></outbound><on-error><base /></on-error></policies>"
    )


def body(value: str, form: str | None = None) -> dict[str, Any]:
    return {"properties": {"value": value} | ({} if form is None else {"format": form})}


@pytest.fixture
def api(clients: Clients, place: Place) -> str:
    name = unique("api")
    contract = {"properties": {"displayName": name, "path": name, "protocols": ["https"]}}
    clients.apim.api.begin_create_or_update(*place.at, name, contract).result()
    return name


@pytest.fixture
def service(clients: Clients, group: str) -> tuple[str, str]:
    """A service of the test's own, for tests that leave named values about."""
    name = unique("service")
    clients.apim.api_management_service.begin_create_or_update(group, name, SERVICE).result()
    return group, name


def test_a_policy_comes_back(clients: Clients, place: Place, api: str) -> None:
    value = policy('<set-backend-service backend-id="b" />')
    clients.apim.api_policy.create_or_update(*place.at, api, "policy", body(value))
    assert clients.apim.api_policy.get(*place.at, api, "policy").value == value


def test_the_gateway_gets_it(clients: Clients, place: Place, api: str, running: Running) -> None:
    value = policy('<set-header name="x-a"><value>b</value></set-header>')
    clients.apim.api_policy.create_or_update(*place.at, api, "policy", body(value, "rawxml"))
    told = [entry for entry in running.told() if entry["service"]["name"] == place.service][-1]
    (mine,) = [entry for entry in told["apis"] if entry["id"] == api]
    assert mine["policy"] == {"format": "rawxml", "value": value}


@pytest.mark.parametrize(
    "value",
    [
        "no xml at all",
        "<policies><inbound>",
        policy("<no-such-policy />"),
        policy('<set-header name="x"><value>@(1 +)</value></set-header>'),
        policy('<set-header name="x"><value>{{no-such-value}}</value></set-header>'),
        policy('<include-fragment fragment-id="no-such-fragment" />'),
    ],
)
def test_a_wrong_policy_is_refused_and_not_stored(clients: Clients, place: Place, api: str, value: str) -> None:
    with refused() as said:
        clients.apim.api_policy.create_or_update(*place.at, api, "policy", body(value))
    assert (said.status, said.code) == (400, "ValidationError")
    assert said.message == "One or more fields contain incorrect values:"
    assert said.details
    with refused() as said:
        clients.apim.api_policy.get(*place.at, api, "policy")
    assert said.message == "Policy not found."


@pytest.mark.parametrize(
    ("size", "status", "code"), [(1_000_000, 400, "ValidationError"), (10_000_000, 413, "RequestContentTooLarge")]
)
def test_a_policy_that_is_too_large_is_refused_with_its_limit(
    clients: Clients, place: Place, api: str, size: int, status: int, code: str
) -> None:
    value = policy(f'<set-variable name="v" value="{"x" * size}" />')
    with refused() as said:
        clients.apim.api_policy.create_or_update(*place.at, api, "policy", body(value))
    assert (said.status, said.code) == (status, code)
    assert "larger than" in str(said.details or said.message)


def test_a_second_policy_in_backend_is_refused_in_the_services_words(clients: Clients, place: Place, api: str) -> None:
    value = policy(backend="<base /><forward-request />")
    with refused() as said:
        clients.apim.api_policy.create_or_update(*place.at, api, "policy", body(value))
    assert said.details["backend"].endswith("backend section allows only one policy to be specified")


def test_the_only_policy_id_is_policy(clients: Clients, place: Place, api: str) -> None:
    with refused() as said:
        clients.apim.api_policy.create_or_update(*place.at, api, "other", body(policy()))
    assert "policyId" in said.details


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"value": ""},
        {"value": 3},
        {"value": "x", "format": "yaml"},
        {"value": "http://x.example", "format": "xml-link"},
    ],
)
def test_a_policy_without_a_readable_document_is_refused(
    clients: Clients, place: Place, api: str, wrong: dict[str, Any]
) -> None:
    with refused() as said:
        clients.apim.api_policy.create_or_update(*place.at, api, "policy", raw({"properties": wrong}))
    assert said.code == "ValidationError"


def test_a_named_value_is_filled_in_and_a_secret_one_not_shown(
    clients: Clients, service: tuple[str, str], running: Running
) -> None:
    values = clients.apim.named_value
    contract = {"properties": {"displayName": "the-key", "value": "s3cret-value", "secret": True}}
    made = values.begin_create_or_update(*service, "key", contract).result()
    assert made.value is None
    assert values.get(*service, "key").value is None
    assert values.list_value(*service, "key").value == "s3cret-value"
    header = '<set-header name="x"><value>{{the-key}}</value></set-header>'
    clients.apim.policy.create_or_update(*service, "policy", body(policy(header)))
    told = [entry for entry in running.told() if entry["service"]["name"] == service[1]][-1]
    assert told["named_values"] == {"the-key": "s3cret-value"}


def test_a_named_value_in_use_stays(clients: Clients, service: tuple[str, str]) -> None:
    contract = {"properties": {"displayName": "used", "value": "v"}}
    clients.apim.named_value.begin_create_or_update(*service, "used", contract).result()
    header = '<set-header name="x"><value>{{used}}</value></set-header>'
    clients.apim.policy.create_or_update(*service, "policy", body(policy(header)))
    with refused() as said:
        clients.apim.named_value.delete(*service, "used", if_match="*")
    assert said.code == "ValidationError"
    clients.apim.policy.create_or_update(*service, "policy", body(policy()))
    clients.apim.named_value.delete(*service, "used", if_match="*")


@pytest.mark.parametrize("wrong", [{"displayName": "no blanks"}, {"value": ""}, {"value": "x" * 4097}])
def test_a_wrong_named_value_is_refused(clients: Clients, place: Place, wrong: dict[str, str]) -> None:
    contract = {"properties": {"displayName": "fine", "value": "v", **wrong}}
    with refused() as said:
        clients.apim.named_value.begin_create_or_update(*place.at, unique("value"), raw(contract))
    assert list(said.details) == list(wrong)


def test_a_fragment_in_use_can_be_neither_deleted_nor_broken(clients: Clients, service: tuple[str, str]) -> None:
    fragments = clients.apim.policy_fragment
    good = '<fragment><set-header name="x"><value>1</value></set-header></fragment>'
    fragments.begin_create_or_update(*service, "f", body(good)).result()
    clients.apim.policy.create_or_update(*service, "policy", body(policy('<include-fragment fragment-id="f" />')))
    with refused() as said:
        fragments.begin_create_or_update(*service, "f", body("<fragment><no-such-policy /></fragment>"))
    assert said.code == "ValidationError"
    with refused():
        fragments.delete(*service, "f", if_match="*")
    assert fragments.get(*service, "f").value == good


@pytest.fixture
def address() -> Iterator[str]:
    """An address of this machine that answers with a policy."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(policy().encode())

        def log_message(self, format: str, *args: Any) -> None:
            """Nothing on stderr."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_port}/policy.xml"
        server.shutdown()


def test_a_policy_named_by_an_address_is_read(clients: Clients, place: Place, api: str, address: str) -> None:
    made = clients.apim.api_policy.create_or_update(*place.at, api, "policy", body(address, "xml-link"))
    assert made.value == policy()


def test_a_deleted_policy_is_gone(clients: Clients, place: Place, api: str) -> None:
    clients.apim.api_policy.create_or_update(*place.at, api, "policy", body(policy()))
    clients.apim.api_policy.delete(*place.at, api, "policy", if_match="*")
    with refused() as said:
        clients.apim.api_policy.get(*place.at, api, "policy")
    assert said.status == 404


def test_a_get_gives_the_format_it_asks_for(clients: Clients, place: Place, api: str) -> None:
    code = '@(context.Response.StatusCode < 500 && (string)context.Variables["a"] != "b")'
    escaped = code.replace("&", "&amp;").replace("<", "&lt;").replace('"', "&quot;")
    policies = clients.apim.api_policy

    def written(expression: str) -> str:
        return policy(f'<set-variable name="v" value="{expression}" />')

    for form, sent in (("rawxml", code), ("xml", escaped)):
        policies.create_or_update(*place.at, api, "policy", body(written(sent), form))
        assert policies.get(*place.at, api, "policy", format="rawxml").value == written(code)
        assert policies.get(*place.at, api, "policy").value == written(escaped)
