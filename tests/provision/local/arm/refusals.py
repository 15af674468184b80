"""Reading what the service says when it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError


def raw(body: Any) -> BytesIO:
    """A body that the SDK sends without looking at it: its models would refuse some before the service can."""
    return BytesIO(json.dumps(body).encode())


class Refusal:
    """The error of a refused call, once the block has ended."""

    status: int
    code: str
    message: str
    details: dict[str, str]


@contextmanager
def refused() -> Iterator[Refusal]:
    """Expects the block's call to be refused; gives what the service said."""
    said = Refusal()
    with pytest.raises(HttpResponseError) as caught:
        yield said
    error: Any = caught.value.error
    assert error is not None, caught.value
    said.status, said.code, said.message = caught.value.status_code or 0, error.code, error.message
    said.details = {str(detail.target): str(detail.message) for detail in error.details or []}
