"""Keys and routes: the exact bytes of API Management's refusals [CAPTURES]."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.provision.local.gateway.rig import CHAT, KEY, api, header, rig, single, to_backend

MISSING = (
    b'{ "statusCode": 401, "message": "Access denied due to missing subscription key. '
    b'Make sure to include subscription key when making requests to an API." }'
)
INVALID = (
    b'{ "statusCode": 401, "message": "Access denied due to invalid subscription key. '
    b'Make sure to provide a valid key for an active subscription." }'
)


async def test_missing_key_is_told_in_152_bytes(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        got = await gateway.ask(key=None)
        assert (got.status, got.body, got.headers["content-length"]) == (401, MISSING, "152")
        challenge = (
            f'AzureApiManagementKey realm="https://127.0.0.1:{gateway.port}/openai",name="api-key",type="header"'
        )
        assert got.headers["www-authenticate"] == challenge
        assert got.headers["content-type"] == "application/json"
        assert gateway.backend.seen == []


async def test_wrong_key_is_told_in_143_bytes(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        got = await gateway.ask(key="wrong")
        assert (got.status, got.body, got.headers["content-length"]) == (401, INVALID, "143")
        assert gateway.backend.seen == []


@pytest.mark.parametrize("path", ["/openai/nothing", "/elsewhere", "/openaix/things/1", "/", "/openai/things/1/2"])
async def test_no_such_operation_is_told_in_54_bytes(tmp_path: Path, path: str) -> None:
    async with rig(tmp_path) as gateway:
        got = await gateway.ask(path)
        assert (got.status, got.body) == (404, b'{ "statusCode": 404, "message": "Resource not found" }')
        assert got.headers["content-length"] == "54"


async def test_other_method_is_no_such_operation(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        assert (await gateway.ask(method="PUT")).status == 404


async def test_path_compares_without_case(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        assert (await gateway.ask(CHAT.replace("openai", "OpenAI").replace("chat", "Chat"))).status == 200


@pytest.mark.parametrize("key", [KEY, "other-key"])
async def test_either_key_opens(tmp_path: Path, key: str) -> None:
    async with rig(tmp_path) as gateway:
        assert (await gateway.ask(key=key)).status == 200


async def test_query_is_looked_at_only_when_the_header_is_missing(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        query = f"{CHAT}?subscription-key={KEY}"
        assert (await gateway.ask(query, key=None)).status == 200
        assert (await gateway.ask(query, key="wrong")).status == 401


async def test_renaming_the_header_leaves_the_old_name_without_effect(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        assert (await gateway.ask(key=None, Ocp_Apim_Subscription_Key=KEY)).status == 401


async def test_api_that_asks_for_no_key_still_knows_whose_key_it_was_sent(tmp_path: Path) -> None:
    who = header("who", 'context.Subscription == null ? "nobody" : context.Subscription.Id')
    apis = [api(to_backend(outbound=who), subscription_required=False)]
    async with rig(tmp_path, apis=apis) as gateway:
        assert (await gateway.ask(key=None)).headers["who"] == "nobody"
        assert (await gateway.ask(key="wrong")).headers["who"] == "nobody"
        assert (await gateway.ask()).headers["who"] == "master"


SERVICE = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ApiManagement/service/svc"


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"scope": "/apis"}, 200),
        ({"scope": f"{SERVICE}/apis"}, 200),
        ({"scope": f"{SERVICE}/"}, 200),
        ({"scope": "/apis/openai"}, 200),
        ({"scope": f"{SERVICE}/apis/openai"}, 200),
        ({"scope": "/apis/other"}, 401),
        ({"scope": "/products/gold"}, 200),
        ({"scope": f"{SERVICE}/products/Gold"}, 200),
        ({"scope": "/products/empty"}, 401),
        ({"scope": "/products/hidden"}, 401),
        ({"scope": "/products/gone"}, 401),
        ({"scope": "/apis", "state": "suspended"}, 401),
        ({"scope": "/apis", "state": "cancelled"}, 401),
    ],
)
async def test_key_opens_what_its_scope_says(tmp_path: Path, changes: dict[str, Any], status: int) -> None:
    products = [
        {"id": "gold", "apis": ["openai"]},
        {"id": "empty", "apis": []},
        {"id": "hidden", "apis": ["openai"], "state": "notPublished"},
    ]
    subscriptions = [{"id": "one", "primary_key": KEY, **changes}]
    async with rig(tmp_path, products=products, subscriptions=subscriptions) as gateway:
        assert (await gateway.ask()).status == status


async def test_product_policy_runs_for_keys_of_the_product_only(tmp_path: Path) -> None:
    policy = (
        '<policies><inbound/><outbound><set-header name="gold"><value>yes</value></set-header></outbound></policies>'
    )
    changes: dict[str, Any] = {
        "products": [{"id": "gold", "apis": ["openai"], "policy": {"value": policy}}],
        "subscriptions": [
            {"id": "a", "primary_key": KEY, "scope": "/products/gold"},
            {"id": "b", "primary_key": "all", "scope": "/apis"},
        ],
    }
    async with rig(tmp_path, **changes) as gateway:
        assert (await gateway.ask()).headers.get("gold") == "yes"
        assert (await gateway.ask(key="all")).headers.get("gold") is None


async def test_open_product_needs_no_key(tmp_path: Path) -> None:
    async with rig(tmp_path, products=[{"id": "free", "apis": ["openai"], "subscription_required": False}]) as gateway:
        assert (await gateway.ask(key=None)).status == 200


async def test_refused_key_goes_through_on_error(tmp_path: Path) -> None:
    said = header("why", 'context.LastError.Source + "/" + context.LastError.Reason')
    async with rig(tmp_path, apis=[api(to_backend(on_error=said))]) as gateway:
        assert (await gateway.ask(key=None)).headers["why"] == "authorization/SubscriptionKeyNotFound"
        assert (await gateway.ask(key="x")).headers["why"] == "authorization/SubscriptionKeyInvalid"


async def test_preflight_is_answered_by_cors_alone_and_without_a_key(tmp_path: Path) -> None:
    cors = (
        "<cors><allowed-origins><origin>https://site</origin></allowed-origins>"
        "<allowed-methods><method>POST</method></allowed-methods>"
        "<allowed-headers><header>*</header></allowed-headers></cors>"
    )
    asked = {"Origin": "https://site", "Access_Control_Request_Method": "POST"}
    async with rig(tmp_path, apis=[api(to_backend(inbound=cors))]) as gateway:
        got = await gateway.ask(method="OPTIONS", key=None, body=b"", **asked)
        assert (got.status, got.headers["access-control-allow-origin"]) == (200, "https://site")
        assert gateway.backend.seen == []
        got = await gateway.ask(Origin="https://site")
        assert (got.status, got.headers["access-control-allow-origin"]) == (200, "https://site")


async def test_preflight_without_cors_is_no_such_operation(tmp_path: Path) -> None:
    async with rig(tmp_path) as gateway:
        got = await gateway.ask(method="OPTIONS", key=None, body=b"", Origin="x", Access_Control_Request_Method="POST")
        assert got.status == 404


async def test_most_literal_operation_wins(tmp_path: Path) -> None:
    operations = [
        {"id": "any", "method": "GET", "url_template": "/*"},
        {"id": "one", "method": "GET", "url_template": "/things/{id}"},
        {"id": "best", "method": "GET", "url_template": "/things/best"},
    ]
    which = header("op", "context.Operation.Id")
    apis = [api(to_backend(outbound=which), operations=operations)]
    async with rig(tmp_path, apis=apis, backends=[single()]) as gateway:
        for path, operation in (("/things/best", "best"), ("/things/7", "one"), ("/a/b/c", "any"), ("", "any")):
            assert (await gateway.ask("/openai" + path, "GET")).headers["op"] == operation


async def test_longest_api_path_wins(tmp_path: Path) -> None:
    which = header("api", "context.Api.Id")
    operation = {"id": "any", "method": "GET", "url_template": "/*"}
    apis = [
        api(to_backend(outbound=which), id=name, path=path, operations=[operation])
        for name, path in (("short", "a"), ("long", "a/b"), ("root", ""))
    ]
    async with rig(tmp_path, apis=apis, backends=[single()]) as gateway:
        for path, name in (("/a/x", "short"), ("/a/b/x", "long"), ("/a/bc", "short"), ("/z", "root")):
            assert (await gateway.ask(path, "GET")).headers["api"] == name


@pytest.mark.parametrize(
    ("enabled", "authorization", "status"),
    [
        (True, f"Bearer {KEY}", 200),
        (True, f"bearer  {KEY} ", 200),
        (True, "Bearer wrong", 401),
        (True, f"Basic {KEY}", 401),
        (True, "Bearer", 401),
        (False, f"Bearer {KEY}", 401),
    ],
)
async def test_a_bearer_token_is_the_key_only_if_the_api_says_so(
    tmp_path: Path, enabled: bool, authorization: str, status: int
) -> None:
    apis = [api(to_backend(), key_bearer=enabled)]
    async with rig(tmp_path, apis=apis, backends=[single()]) as gateway:
        assert (await gateway.ask(key=None, Authorization=authorization)).status == status


async def test_the_key_header_comes_before_a_bearer_token(tmp_path: Path) -> None:
    async with rig(tmp_path, apis=[api(to_backend(), key_bearer=True)], backends=[single()]) as gateway:
        assert (await gateway.ask(Authorization="Bearer of-somebody-else")).status == 200
        assert (await gateway.ask(key="wrong", Authorization=f"Bearer {KEY}")).status == 401
