"""Options of Locust in the processes of a run."""

from __future__ import annotations

import pytest
from locust import argument_parser

from locustfiles.conduct.options import speed_up_spawning


def test_a_worker_parses_the_options_of_locust_once(monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = list[int]()

    def defaults() -> dict[str, object]:
        parsed.append(1)
        return {"host": None}

    monkeypatch.setattr(argument_parser, "default_args_dict", defaults)
    for _ in range(2):
        speed_up_spawning()
    assert ["host" in argument_parser.default_args_dict() for _ in range(9)] == [True] * 9
    assert len(parsed) == 1
