"""Ids of one answer and the headers that every answer of Azure OpenAI has."""

from __future__ import annotations

from random import Random

__all__ = ["Ident"]

Header = tuple[str, str]
_SECURITY: tuple[Header, ...] = (
    ("strict-transport-security", "max-age=31536000; includeSubDomains; preload"),
    ("x-content-type-options", "nosniff"),
)
_SESSION = "local-0"


class Ident:
    """32 hexadecimal digits drawn for one request; the same seed gives the same ones in the same order."""

    __slots__ = ("client", "digits")

    def __init__(self, random: Random, client: str | None) -> None:
        self.digits = f"{random.getrandbits(128):032x}"
        self.client = client
        """The caller's own x-ms-client-request-id, given back."""

    @property
    def guid(self) -> str:
        """The digits as a GUID."""
        d = self.digits
        return f"{d[:8]}-{d[8:12]}-{d[12:16]}-{d[16:20]}-{d[20:]}"

    def headers(self, region: str) -> list[Header]:
        """Headers of any answer from this region."""
        guid = self.guid
        found = [
            ("apim-request-id", guid),
            ("x-request-id", guid),
            ("x-ms-region", region),
            ("azureml-model-session", _SESSION),
            *_SECURITY,
        ]
        if self.client is not None:
            found.append(("x-ms-client-request-id", self.client))
        return found
