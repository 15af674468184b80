"""APIs, operations and the import of OpenAPI documents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.provision.local.arm.refusals import raw, refused
from tests.provision.local.running import Running
from tests.provision.local.samples import Place
from tests.provision.local.sdk import Clients, unique

DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "Models", "version": "1", "description": "Answers"},
    "servers": [{"url": "https://a.openai.azure.com/openai"}],
    "paths": {
        "/deployments/{deployment-id}/chat/completions": {
            "parameters": [{"$ref": "#/components/parameters/deployment"}],
            "post": {
                "operationId": "ChatCompletions_Create",
                "summary": "Creates a completion",
                "parameters": [{"name": "api-version", "in": "query", "required": True, "schema": {"type": "string"}}],
                "responses": {"200": {"description": "fine"}, "default": {"description": "wrong"}},
            },
        },
        "/models": {"get": {"responses": {}}},
    },
    "components": {
        "parameters": {"deployment": {"name": "deployment-id", "in": "path", "required": True, "schema": {}}}
    },
}
LINK = (
    "https://raw.githubusercontent.com/Azure/azure-rest-api-specs/main/specification/cognitiveservices/data-plane/"
    "AzureOpenAI/inference/stable/2024-02-01/inference.json"
)


def imported(form: str, value: Any, **more: Any) -> dict[str, Any]:
    text = value if isinstance(value, str) else json.dumps(value)
    return {"properties": {"path": unique("path"), "format": form, "value": text, **more}}


def test_an_import_makes_the_operations(clients: Clients, place: Place) -> None:
    name = unique("api")
    made = clients.apim.api.begin_create_or_update(*place.at, name, imported("openapi+json", DOCUMENT)).result()
    assert (made.display_name, made.service_url) == ("Models", "https://a.openai.azure.com/openai")
    operations = {found.name: found for found in clients.apim.api_operation.list_by_api(*place.at, name)}
    assert set(operations) == {"ChatCompletions_Create", "get-models"}
    chat = operations["ChatCompletions_Create"]
    assert (chat.method, chat.url_template) == ("POST", "/deployments/{deployment-id}/chat/completions")
    assert [parameter.name for parameter in chat.template_parameters] == ["deployment-id"]


def test_the_gateway_gets_the_api(clients: Clients, place: Place, running: Running) -> None:
    name = unique("api")
    body = imported("openapi+json", DOCUMENT, subscriptionKeyParameterNames={"header": "api-key"})
    clients.apim.api.begin_create_or_update(*place.at, name, body).result()
    told = [entry for entry in running.told() if entry["service"]["name"] == place.service][-1]
    (mine,) = [api for api in told["apis"] if api["id"] == name]
    assert mine["key_header"] == "api-key"
    assert mine["key_query"] == "subscription-key", "renaming only the header leaves the query's default"
    assert len(mine["operations"]) == 2


def test_azures_own_document_is_read_from_our_copy(clients: Clients, place: Place) -> None:
    name = unique("api")
    clients.apim.api.begin_create_or_update(*place.at, name, imported("openapi+json-link", LINK)).result()
    templates = [found.url_template for found in clients.apim.api_operation.list_by_api(*place.at, name)]
    assert "/deployments/{deployment-id}/chat/completions" in templates


@pytest.mark.parametrize(
    ("form", "value", "target"),
    [
        ("openapi+json-link", "https://example.com/openapi.json", "value"),
        ("openapi+json-link", "http://127.0.0.1:1/openapi.json", "value"),
        ("openapi+json", "{", "representation"),
        ("openapi+json", "[]", "representation"),
        ("openapi+json", '{"openapi": "3.0.0"}', "representation"),
        ("openapi", "a: [", "representation"),
        ("wsdl", "<wsdl/>", "format"),
    ],
)
def test_a_document_that_cannot_be_read_is_refused(
    clients: Clients, place: Place, form: str, value: str, target: str
) -> None:
    with refused() as said:
        clients.apim.api.begin_create_or_update(*place.at, unique("api"), imported(form, value))
    assert (said.code, list(said.details)) == ("ValidationError", [target])


def test_swagger_2_is_read_too(clients: Clients, place: Place) -> None:
    document = {"swagger": "2.0", "host": "h.example", "basePath": "/v1", "paths": {"/x": {"get": {"responses": {}}}}}
    made = clients.apim.api.begin_create_or_update(
        *place.at, unique("api"), imported("swagger-json", document)
    ).result()
    assert made.service_url == "https://h.example/v1"


def test_a_path_belongs_to_one_api(clients: Clients, place: Place) -> None:
    body = imported("openapi+json", DOCUMENT)
    clients.apim.api.begin_create_or_update(*place.at, unique("api"), body).result()
    with refused() as said:
        clients.apim.api.begin_create_or_update(*place.at, unique("api"), body)
    assert "path" in said.details


def test_a_second_import_replaces_the_operations(clients: Clients, place: Place) -> None:
    name, body = unique("api"), imported("openapi+json", DOCUMENT)
    clients.apim.api.begin_create_or_update(*place.at, name, body).result()
    fewer = {**DOCUMENT, "paths": {"/models": {"get": {"responses": {}}}}}
    body["properties"]["value"] = json.dumps(fewer)
    clients.apim.api.begin_create_or_update(*place.at, name, body).result()
    assert [found.name for found in clients.apim.api_operation.list_by_api(*place.at, name)] == ["get-models"]


def test_operations_are_written_by_hand_as_well(clients: Clients, place: Place) -> None:
    name = unique("api")
    api = {"properties": {"displayName": "By hand", "path": unique("path"), "protocols": ["https"]}}
    clients.apim.api.begin_create_or_update(*place.at, name, api).result()
    operation = {"properties": {"displayName": "Get", "method": "GET", "urlTemplate": "/things"}}
    clients.apim.api_operation.create_or_update(*place.at, name, "get-things", operation)
    assert clients.apim.api_operation.get(*place.at, name, "get-things").url_template == "/things"
    clients.apim.api_operation.delete(*place.at, name, "get-things", if_match="*")
    assert list(clients.apim.api_operation.list_by_api(*place.at, name)) == []


def test_update_and_delete(clients: Clients, place: Place) -> None:
    name = unique("api")
    clients.apim.api.begin_create_or_update(*place.at, name, imported("openapi+json", DOCUMENT)).result()
    changed = clients.apim.api.update(*place.at, name, "*", {"properties": {"displayName": "Renamed"}})
    assert changed.display_name == "Renamed"
    clients.apim.api.begin_delete(*place.at, name, if_match="*").result()
    with refused() as said:
        clients.apim.api.get(*place.at, name)
    assert said.message == "API not found."


@pytest.mark.parametrize(("bearer", "enabled"), [("enabled", True), ("disabled", False), (None, False)])
def test_the_gateway_learns_whether_a_bearer_token_is_a_key(
    clients: Clients, place: Place, running: Running, bearer: str | None, enabled: bool
) -> None:
    name = unique("api")
    names = {"header": "api-key"} | ({} if bearer is None else {"bearer": bearer})
    body = raw(imported("openapi+json", DOCUMENT, subscriptionKeyParameterNames=names))
    clients.apim.api.begin_create_or_update(*place.at, name, body).result()
    told = [entry for entry in running.told() if entry["service"]["name"] == place.service][-1]
    assert [each["key_bearer"] for each in told["apis"] if each["id"] == name] == [enabled]


def test_a_bearer_that_is_neither_enabled_nor_disabled_is_refused(clients: Clients, place: Place) -> None:
    body = raw(imported("openapi+json", DOCUMENT, subscriptionKeyParameterNames={"bearer": "yes"}))
    with refused() as said:
        clients.apim.api.begin_create_or_update(*place.at, unique("api"), body).result()
    assert list(said.details) == ["subscriptionKeyParameterNames.bearer"]


def test_a_document_of_openapi_3_1_is_refused(clients: Clients, place: Place) -> None:
    with refused() as said:
        body = imported("openapi+json", DOCUMENT | {"openapi": "3.1.0"})
        clients.apim.api.begin_create_or_update(*place.at, unique("api"), body).result()
    assert said.details["representation"] == "Parsing error(s): OpenAPI specification version '3.1.0' is not supported."
