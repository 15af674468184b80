"""Labs and scenarios with wrong values and damaged text: read, or refused in a sentence that names the file."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.budget import bounded, fuzzed
from tests.fuzz.damage import damage_bytes, damage_json
from tripcurve.errors import BadInput
from tripcurve.lab import LABS, load_lab
from tripcurve.scenario import SCENARIOS, load_scenario
from tripcurve.shipped import shipped_folder

LAB_FILES = sorted(Path(str(shipped_folder(LABS))).glob("*.yaml"))
SCENARIO_FILES = sorted(Path(str(shipped_folder(SCENARIOS))).glob("*.yaml"))
QUICK = load_lab("quick")


def read(path: Path, is_lab: bool) -> str:
    """Read the file. Return the sentence of its refusal, or its name."""
    with bounded():
        try:
            if is_lab:
                load_lab(str(path))
            else:
                assert load_scenario(str(path), QUICK).duration_s < float("inf")
        except BadInput as error:
            return str(error)
    return path.name


@pytest.mark.parametrize("is_lab", [True, False])
@fuzzed
@given(st.integers(0, 2**32))
def test_wrong_values_are_refused(tmp_path: Path, is_lab: bool, seed: int) -> None:
    rng = random.Random(seed)
    value = yaml.safe_load(rng.choice(LAB_FILES if is_lab else SCENARIO_FILES).read_text())
    for _ in range(rng.randint(1, 3)):
        value = damage_json(value, rng)
    (tmp_path / "hostile.yaml").write_text(json.dumps(value, default=str), "utf-8", errors="replace")
    assert "hostile.yaml" in read(tmp_path / "hostile.yaml", is_lab)


@pytest.mark.parametrize("is_lab", [True, False])
@fuzzed
@given(st.integers(0, 2**32))
def test_damaged_text_is_refused(tmp_path: Path, is_lab: bool, seed: int) -> None:
    rng = random.Random(seed)
    text = rng.choice(LAB_FILES if is_lab else SCENARIO_FILES).read_bytes()
    (tmp_path / "hostile.yaml").write_bytes(damage_bytes(text, rng))
    assert "hostile.yaml" in read(tmp_path / "hostile.yaml", is_lab)
