"""`$filter` of a list."""

from __future__ import annotations

from typing import Any

import pytest

from provision.local.arm.errors import ArmError
from provision.local.arm.listing import filtered
from tests.provision.local.samples import Place
from tests.provision.local.sdk import Clients, unique

ITEMS: list[dict[str, Any]] = [
    {"name": "alpha", "tags": {"lab": "one"}, "properties": {"title": "It's first", "secret": True}},
    {"name": "beta", "tags": {"lab": "two"}, "properties": {"title": "second", "secret": False}},
    {"name": "gamma", "properties": {}},
]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (None, ["alpha", "beta", "gamma"]),
        ("name eq 'beta'", ["beta"]),
        ("name ne 'beta'", ["alpha", "gamma"]),
        ("title eq 'It''s first'", ["alpha"]),
        ("properties/title eq 'second'", ["beta"]),
        ("secret eq true", ["alpha"]),
        ("contains(name, 'a') and startswith(name,'g')", ["gamma"]),
        ("endswith(title, 'nd')", ["beta"]),
        ("tagName eq 'lab'", ["alpha", "beta"]),
        ("tagName eq 'lab' and tagValue eq 'two'", ["beta"]),
        ("title eq 'a and b'", []),
    ],
)
def test_a_filter_lets_through(text: str | None, names: list[str]) -> None:
    assert [item["name"] for item in filtered(ITEMS, text)] == names


@pytest.mark.parametrize("text", ["name", "name eq beta", "name gt 'a'", "substringof('a', name)", "x" * 3000])
def test_a_filter_that_is_not_understood_is_refused(text: str) -> None:
    with pytest.raises(ArmError) as caught:
        filtered(ITEMS, text)
    assert (caught.value.status, caught.value.code) == (400, "InvalidFilterInQueryString")


def test_the_sdks_filter_works(clients: Clients, place: Place) -> None:
    name = unique("backend")
    body = {"properties": {"url": "https://a.openai.azure.com", "protocol": "http"}}
    clients.apim.backend.create_or_update(*place.at, name, body)
    found = clients.apim.backend.list_by_service(*place.at, filter=f"name eq '{name}'")
    assert [backend.name for backend in found] == [name]
