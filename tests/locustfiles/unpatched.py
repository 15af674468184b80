"""Imports Locust without letting it patch this process: import this before any module that imports Locust.

Locust patches sockets and threads on import. In the tests' own process that would break the tests that follow.
"""

from __future__ import annotations

import pytest

with pytest.MonkeyPatch.context() as patch:
    patch.setenv("LOCUST_SKIP_MONKEY_PATCH", "1")
    import locust  # noqa: F401
