"""Models and stored responses, by GET and DELETE."""

from __future__ import annotations

from typing import Any

import pytest

from tests.provision.local.mock.conftest import ACCOUNT, CHAT, HELLO, KEY, SITE, Bench, account, site

V1 = "/openai/v1"
OTHER = account(
    name="av4-openai2", resource_id=account()["resource_id"].replace("openai1", "openai2"), location="eastus"
)


@pytest.fixture
def two() -> Bench:
    """Two accounts and a web app that serves one deployment."""
    own = {"TRIPCURVE_MOCK_DEPLOYMENT": '{"name": "mine", "model": "gpt-5.1", "version": "2025-11-13"}'}
    return Bench({"accounts": [account(), OTHER], "sites": [{**site(), "settings": own}]})


async def respond(bench: Bench, host: str = ACCOUNT, **body: Any) -> tuple[int, Any]:
    model = "mine" if host == SITE else "gpt-4o"
    status, _, answer = await bench.ask(
        {"model": model, "input": "Hello", **body}, host=host, path=f"{V1}/responses", api_key=KEY
    )
    return status, answer


@pytest.mark.parametrize("host", [ACCOUNT, SITE])
async def test_a_response_is_stored_until_it_is_deleted(two: Bench, host: str) -> None:
    _, made = await respond(two, host)
    path = f"{V1}/responses/{made['id']}"

    async def ask(method: str) -> tuple[int, Any]:
        status, _, answer = await two.ask(host=host, path=path, method=method, api_key=KEY)
        return status, answer

    assert await ask("GET") == (200, made)
    assert await ask("DELETE") == (200, {"id": made["id"], "object": "response", "deleted": True})
    assert (await ask("GET"))[0] == (await ask("DELETE"))[0] == 404


async def test_a_response_that_is_not_to_be_stored_is_not(two: Bench) -> None:
    _, made = await respond(two, store=False)
    assert made["store"] is False
    assert (await two.ask(host=ACCOUNT, path=f"{V1}/responses/{made['id']}", method="GET", api_key=KEY))[0] == 404


async def test_a_response_continues_one_of_the_same_account_only(two: Bench) -> None:
    _, first = await respond(two)
    status, second = await respond(two, previous_response_id=first["id"])
    assert (status, second["previous_response_id"]) == (200, first["id"])
    assert second["usage"]["input_tokens"] == 2 * first["usage"]["input_tokens"] + first["usage"]["output_tokens"]
    status, refusal = await respond(two, "av4-openai2.openai.azure.com", previous_response_id=first["id"])
    assert (status, refusal["error"]["code"]) == (400, "previous_response_not_found")
    assert (await respond(two, previous_response_id="resp_nope"))[0] == 400
    assert (await respond(two, previous_response_id=3))[0] == 400


async def test_stored_responses_outlive_a_change_of_configuration(two: Bench) -> None:
    from provision.local.mock.snapshot import Snapshot

    _, first = await respond(two)
    two.mock.configure(Snapshot.model_validate({"accounts": [account(location="eastus")]}))
    assert (await respond(two, previous_response_id=first["id"]))[0] == 200
    assert (await respond(two, "av4-openai1.cognitiveservices.azure.com", previous_response_id=first["id"]))[0] == 200


async def test_models_are_listed_and_found_with_and_without_their_date(two: Bench) -> None:
    for path in (f"{V1}/models", "/openai/models?api-version=2024-10-21"):
        status, _, found = await two.ask(host=ACCOUNT, path=path, method="GET", api_key=KEY)
        assert (status, found["object"]) == (200, "list")
        assert "gpt-5.1-2025-11-13" in [each["id"] for each in found["data"]]
    for name in ("gpt-5.1", "gpt-5.1-2025-11-13"):
        _, _, found = await two.ask(host=ACCOUNT, path=f"{V1}/models/{name}", method="GET", api_key=KEY)
        assert found["id"] == "gpt-5.1-2025-11-13"
    assert (await two.ask(host=ACCOUNT, path=f"{V1}/models/gpt-0", method="GET", api_key=KEY))[0] == 404


@pytest.mark.parametrize(
    ("path", "method", "key", "status"),
    [
        (f"{V1}/models", "GET", "wrong", 401),
        (f"{V1}/responses/resp_1", "GET", "wrong", 401),
        (f"{V1}/responses/resp_1", "GET", KEY, 404),
        (f"{V1}/responses", "GET", KEY, 404),
        (f"{V1}/responses/resp_1", "POST", KEY, 404),
        (f"{V1}/models", "DELETE", KEY, 404),
        (CHAT, "GET", KEY, 404),
        ("/openai/models", "GET", KEY, 404),
        ("/openai/models?api-version=1999-01-01", "GET", KEY, 404),
        ("/openai/responses/resp_1?api-version=2024-10-21", "GET", KEY, 400),
        ("/", "GET", KEY, 404),
    ],
)
async def test_other_look_ups_are_refused(bench: Bench, path: str, method: str, key: str, status: int) -> None:
    assert (await bench.ask(HELLO, host=ACCOUNT, path=path, method=method, api_key=key))[0] == status


@pytest.mark.parametrize("version", ["1999-01-01", "2022-11-30", "2024-13", "banana", "2024-02-01-beta"])
@pytest.mark.parametrize("host", [ACCOUNT, SITE])
async def test_an_unknown_api_version_is_azures_404(bench: Bench, host: str, version: str) -> None:
    path = CHAT.replace("2024-02-01", version)
    status, _, body = await bench.ask(host=host, path=path, api_key=KEY)
    assert (status, body) == (404, {"error": {"code": "404", "message": "Resource not found"}})


@pytest.mark.parametrize(
    ("deployment", "status"),
    [("mine", 200), ("MINE", 200), ("gpt-5.1", 200), ("text-embedding-3-small", 400), ("nobody", 404)],
)
async def test_a_web_app_serves_the_labs_deployment_and_known_models(two: Bench, deployment: str, status: int) -> None:
    got, _, body = await two.ask(path=CHAT.replace("gpt-4o", deployment))
    assert got == status
    if status == 200:
        assert body["model"] == "gpt-5.1-2025-11-13"
    else:
        wanted = {400: "OperationNotSupported", 404: "DeploymentNotFound"}
        assert body["error"]["code"] == wanted[status]
