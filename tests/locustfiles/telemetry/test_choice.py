"""Which exporters a run has, and the message for a missing package."""

from __future__ import annotations

import importlib.machinery
from typing import Any

import pytest

from locustfiles.telemetry import choice
from locustfiles.telemetry.choice import DEFAULTS, Exporters
from tripcurve.errors import BadInput


def missing(names: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def find(name: str) -> Any:
        return None if name.startswith(names) else importlib.machinery.ModuleSpec(name, None)

    monkeypatch.setattr(choice, "find_spec", find)


@pytest.mark.parametrize(
    ("exporters", "package", "extra"),
    [(Exporters(prometheus=9464), "prometheus_client", "prometheus"), (Exporters(otel=True), "opentelemetry", "otel")],
)
def test_a_missing_package_is_named_with_the_command_to_install_it(
    exporters: Exporters, package: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing(package, monkeypatch)
    with pytest.raises(BadInput, match=rf"pip install 'tripcurve\[{extra}\]'"):
        exporters.check()
    Exporters().check()


def test_the_traffic_gets_the_options() -> None:
    assert Exporters().words() == []
    assert Exporters(9464, otel=True).words() == ["--prometheus", "9464", "--otel"]


def test_variables_that_are_set_are_kept() -> None:
    given = {"OTEL_SERVICE_NAME": "mine", "HOME": "/home"}
    assert Exporters(otel=True).environment(given) == {**DEFAULTS, "OTEL_SERVICE_NAME": "mine", "HOME": "/home"}
    assert Exporters(9464).environment(given) == given
