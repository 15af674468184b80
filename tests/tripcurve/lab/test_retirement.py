"""Models that Azure retires, and the warnings about them."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from tripcurve.lab import LABS, Lab, Model, load_lab
from tripcurve.lab.retirement import RETIRED_ON, SUCCESSOR, model_warnings, retired
from tripcurve.shipped import shipped_names

TODAY = date(2026, 11, 29)


def lab(model: dict[str, Any], kind: str = "openai", version: str = "v1") -> Lab:
    content = {"name": "l", "gateway": {"name": "g"}, "api": {"version": version}, "model": model}
    return Lab.model_validate({**content, "backends": [{"name": "bb", "kind": kind}]})


OLD = {"name": "gpt-35-turbo", "version": "0613"}


def test_a_retired_model_is_named_with_its_date_and_its_successor() -> None:
    (found,) = model_warnings(lab(OLD), TODAY)
    assert found == (
        "model.version: Azure retired gpt-35-turbo 0613 on 2025-02-13, so no region deploys it; "
        "use gpt-5.1 2025-11-13 with api.version v1"
    )


def test_a_mock_serves_any_model() -> None:
    assert model_warnings(lab(OLD, "mock", "2024-02-01"), TODAY) == []
    assert model_warnings(load_lab("seed"), TODAY) == []


@pytest.mark.parametrize("model", [{"name": "gpt-99", "version": "1"}, {"name": "gpt-5.1", "version": "2025-11-13"}])
def test_a_model_in_service_and_an_unknown_one_need_no_words(model: dict[str, Any]) -> None:
    assert model_warnings(lab(model), TODAY) == []


@pytest.mark.parametrize(
    ("days", "words"), [(91, None), (90, "retires"), (1, "retires"), (0, "retired"), (-1, "retired")]
)
def test_a_model_is_warned_about_from_ninety_days_before_its_retirement(days: int, words: str | None) -> None:
    today = RETIRED_ON["gpt-5.1", "2025-11-13"] - timedelta(days=days)
    found = model_warnings(lab({}), today)
    assert [words in each for each in found if words] == ([] if words is None else [True])
    assert (retired(Model(), today) is not None) == (words == "retired")


@pytest.mark.parametrize(("name", "warned"), [("gpt-5.1", True), ("o4-mini", True), ("gpt-4o", False)])
def test_a_reasoning_model_needs_the_v1_api(name: str, warned: bool) -> None:
    found = model_warnings(lab({"name": name, "version": "x"}, version="2024-10-21"), TODAY)
    assert [each.startswith("api.version: ") for each in found] == ([True] if warned else [])


@pytest.mark.parametrize("name", sorted({*shipped_names(LABS, ".yaml")} - {"seed"}))
def test_shipped_labs_and_the_default_name_a_model_that_can_be_deployed(name: str) -> None:
    for model in (load_lab(name).model, Model()):
        assert (model.name, model.version) in RETIRED_ON
        assert retired(model, TODAY) is None
        assert f"{model.name} {model.version}" == SUCCESSOR
    assert model_warnings(load_lab(name), TODAY) == []
