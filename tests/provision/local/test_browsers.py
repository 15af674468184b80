"""Web pages and the local cloud's control plane: a browser on this machine reaches every loopback port."""

from __future__ import annotations

import pytest

from tests.provision.local.running import Running, token_for

PATHS = [
    ("GET", "/subscriptions?api-version=2022-12-01"),
    ("GET", "/_local/health"),
    ("GET", "/_local/counts"),
    ("GET", "/_local/faults"),
    ("POST", "/_local/faults"),
    ("DELETE", "/_local/faults"),
    ("PUT", "/_local/options"),
    ("POST", "/_local/clients"),
    ("POST", "/tenant/oauth2/v2.0/token"),
]
FOREIGN = [
    (403, {"Origin": "https://evil.example"}),
    (403, {"Origin": "null"}),
    (403, {"Origin": "http://localhost:1"}),
    (421, {"Host": "evil.example"}),
    (421, {"Host": "localhost.evil.example"}),
    (421, {"Host": "10.0.0.7"}),
    (421, {"Host": "127.0.0.1@evil.example"}),
]


@pytest.mark.parametrize(("method", "path"), PATHS)
def test_no_page_of_another_site_gets_an_answer(running: Running, method: str, path: str) -> None:
    """Not even with the owner's credential, which a browser may keep for the address."""
    body = b"{}" if method in ("POST", "PUT") else None
    found = [running.send(method, path, body, running.owner() | headers)[0] for _, headers in FOREIGN]
    assert found == [status for status, _ in FOREIGN]


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_of_another_site_changes_nothing(running: Running, site: str) -> None:
    status, _ = running.send("POST", "/_local/faults", b"{}", running.owner() | {"Sec-Fetch-Site": site})
    assert (status, running.admin("GET", "faults")[1]) == (403, {})


def test_a_link_that_a_person_follows_is_answered(running: Running) -> None:
    assert running.send("GET", "/_local/health", None, {"Sec-Fetch-Site": "cross-site"})[0] == 200


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1", "[::1]", "LOCALHOST", "localhost."])
def test_loopback_names_are_answered(running: Running, name: str) -> None:
    port = running.url.rpartition(":")[2]
    headers = {"Authorization": f"Bearer {token_for(running)}", "Host": f"{name}:{port}"}
    assert running.send("GET", "/subscriptions?api-version=2022-12-01", None, headers)[0] == 200


def test_the_gateway_reaches_the_sign_in_pages_under_microsofts_names(running: Running) -> None:
    path = f"/{running.connection['tenant_id']}/v2.0/.well-known/openid-configuration"
    assert running.send("GET", path, None, {"Host": "login.microsoftonline.com"})[0] == 200
