"""Keys, routes and bodies. Sources: [D-SUB] [CAPTURES]."""

from __future__ import annotations

import json

import requests

from tests.conformance.conftest import BODY, Gateway

MISSING = (
    "Access denied due to missing subscription key. "
    "Make sure to include subscription key when making requests to an API."
)
INVALID = "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription."


def post(gateway: Gateway, path: str, **headers: str) -> requests.Response:
    return requests.post(gateway.url + path, json=BODY, headers=headers, timeout=30)


def test_a_request_without_key_is_refused(gateway: Gateway) -> None:
    answer = post(gateway, f"{gateway.path}?{gateway.query}")
    assert answer.status_code == 401
    assert json.loads(answer.text) == {"statusCode": 401, "message": MISSING}
    assert answer.headers["www-authenticate"].startswith('AzureApiManagementKey realm="')
    assert 'name="api-key",type="header"' in answer.headers["www-authenticate"]


def test_a_wrong_key_is_refused(gateway: Gateway) -> None:
    answer = post(gateway, f"{gateway.path}?{gateway.query}", **{"api-key": "wrong"})
    assert answer.status_code == 401
    assert json.loads(answer.text) == {"statusCode": 401, "message": INVALID}


def test_the_key_is_taken_from_the_query_when_the_header_is_missing(gateway: Gateway) -> None:
    assert post(gateway, f"{gateway.path}?{gateway.query}&api-key={gateway.key}").status_code == 200


def test_the_header_wins_over_the_query(gateway: Gateway) -> None:
    path = f"{gateway.path}?{gateway.query}&api-key={gateway.key}"
    assert post(gateway, path, **{"api-key": "wrong"}).status_code == 401


def test_a_path_of_no_api_is_not_found(gateway: Gateway) -> None:
    answer = post(gateway, "/nothing/here", **{"api-key": gateway.key})
    assert answer.status_code == 404
    assert json.loads(answer.text) == {"statusCode": 404, "message": "Resource not found"}


def test_an_operation_of_another_method_is_not_found(gateway: Gateway) -> None:
    answer = requests.delete(
        f"{gateway.url}{gateway.path}?{gateway.query}", headers={"api-key": gateway.key}, timeout=30
    )
    assert answer.status_code == 404


def test_the_backends_answer_comes_through_and_is_marked(gateway: Gateway) -> None:
    answer = gateway.ask()
    assert answer.status_code == 200
    assert answer.json()["object"] == "chat.completion"
    assert answer.headers["x-tripcurve-backend"] == gateway.lab.backends[0].name
    assert float(answer.headers["x-tripcurve-backend-ms"]) > 0


def test_a_backends_own_503_is_told_from_the_gateways(gateway: Gateway) -> None:
    answer = gateway.ask(503)
    assert answer.status_code == 503
    assert answer.headers["x-tripcurve-backend"] == gateway.lab.backends[0].name


def test_connections_are_kept(gateway: Gateway) -> None:
    with requests.Session() as session:
        for _ in range(3):
            answer = session.post(
                f"{gateway.url}{gateway.path}?{gateway.query}", json=BODY, headers={"api-key": gateway.key}, timeout=30
            )
            assert answer.status_code == 200
            assert answer.headers.get("connection", "keep-alive").lower() != "close"
