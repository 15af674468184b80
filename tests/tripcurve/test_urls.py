"""Credentials in URLs are found and never shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tripcurve.urls import has_credentials, without_credentials


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://user:secret@host/x", "https://***@host/x"),
        ("no such target https://secret@host, http://a:b@c", "no such target https://***@host, http://***@c"),
        ("https://user:p@ss@host", "https://***@host"),
        ("https://host/a@b?c@d#e@f", "https://host/a@b?c@d#e@f"),
        ("mail noreply@contoso.com", "mail noreply@contoso.com"),
    ],
)
def test_credentials_become_asterisks(text: str, shown: str) -> None:
    assert without_credentials(text) == shown


@given(st.from_regex(r"[a-z]{1,8}:[a-z0-9@:!]{8,16}", fullmatch=True))
def test_no_password_is_left(secret: str) -> None:
    url = f"https://{secret}@host.example/path"
    assert has_credentials(url)
    assert without_credentials(url) == "https://***@host.example/path"
    assert not has_credentials("https://host.example/a@b")
