"""Settings that all tests share."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from hypothesis import settings

# The tests start some hundred processes of the product. Without its bytecode on disk, each of them compiles every
# module that it imports again: 0.2 to 0.5 s of CPU per process.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

# A busy machine is no failure: properties are judged by what they find, not by how long they take.
settings.register_profile("tripcurve", deadline=None)
settings.load_profile("tripcurve")

SLOWEST = (
    "locustfiles/conduct/test_conductor.py",
    "locustfiles/live/test_pages.py",
    "faults/test_injection.py",
    "e2e/test_sheds.py",
    "e2e/test_openai_clients.py",
    "e2e/test_run.py",
    "provision/lifecycle/test_patience.py",
    "provision/test_interruptions.py",
    "reports/render/test_browser.py",
    "provision/test_awkwardness.py",
    "provision/local/test_command.py",
    "provision/test_ownership.py",
)
"""The files that take longest, in this order. They start first, so that none runs alone at the end."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the slowest files first, and skip tests marked `no_coverage` while coverage is measured."""
    places = {Path(__file__).parent / name: place for place, name in enumerate(SLOWEST)}
    items.sort(key=lambda item: places.get(item.path, len(places)))
    if not config.getoption("cov_source", default=None):
        return
    for item in items:
        if item.get_closest_marker("no_coverage"):
            item.add_marker(pytest.mark.skip(reason="coverage writes files and imports modules of its own"))
