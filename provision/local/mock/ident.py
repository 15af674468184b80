"""The ids of one answer, and the headers that every answer of Azure OpenAI has."""

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
    """32 hexadecimal digits that are drawn for one request. The same seed gives the same sequence."""

    __slots__ = ("client", "digits")

    def __init__(self, random: Random, client: str | None) -> None:
        self.digits = f"{random.getrandbits(128):032x}"
        self.client = client
        """The x-ms-client-request-id of the request, which the answer repeats; None if it had none."""

    @property
    def guid(self) -> str:
        """Return the digits as a GUID."""
        d = self.digits
        return f"{d[:8]}-{d[8:12]}-{d[12:16]}-{d[16:20]}-{d[20:]}"

    def headers(self, region: str) -> list[Header]:
        """Return the headers that every answer from this region has."""
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
