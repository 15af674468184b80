"""Lets these tests import what imports Locust."""

from __future__ import annotations

import tests.locustfiles.unpatched  # noqa: F401  # before any test imports Locust
