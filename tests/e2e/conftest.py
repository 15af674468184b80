"""A local cloud with the quick lab, for tests that only need one to be there."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator

import pytest

from tests.e2e.commands import COMMAND


@pytest.fixture(scope="session")
def local_cloud() -> Iterator[dict[str, str]]:
    """The JSON line of `tripcurve local quick`; the cloud stops when the tests are done."""
    process = subprocess.Popen(
        [*COMMAND, "local", "quick", "--stop-with-stdin"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield json.loads(process.stdout.readline())
    finally:
        process.stdin.close()
        process.stdout.close()
        assert process.wait(timeout=20) == 0
