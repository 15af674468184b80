"""A local cloud with the quick lab, for tests that only need one to be there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.commands import running_lab


@pytest.fixture(scope="session")
def local_cloud() -> Iterator[dict[str, str]]:
    """The JSON line of `tripcurve local quick`; the cloud stops when the tests are done."""
    with running_lab("quick") as line:
        yield line
