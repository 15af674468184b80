"""Settings that all tests share."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import settings

# The tests start some hundred processes of the product. Without its bytecode on disk, each of them compiles every
# module that it imports again: 0.2 to 0.5 s of CPU per process.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A busy machine is no failure: properties are judged by what they find, not by how long they take.
settings.register_profile("tripcurve", deadline=None)
settings.load_profile("tripcurve")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip tests marked `no_coverage` while coverage is measured: it imports modules and writes files of its own."""
    if not config.getoption("cov_source", default=None):
        return
    for item in items:
        if item.get_closest_marker("no_coverage"):
            item.add_marker(pytest.mark.skip(reason="coverage writes files and imports modules of its own"))
